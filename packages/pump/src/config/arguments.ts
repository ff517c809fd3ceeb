import { parseArgs } from 'node:util'

const HELP = `usage: tyk-pump [<flags>]

Moves analytics records from Redis to the configured sinks.

Flags:
  -h, --help                     Show this help.
  -c, --conf="pump.conf"         Path to the config file.
      --demo=ORGID               Generate demo data for this organisation (not in this version).
      --demo-api=APIID           API of the demo data.
      --demo-api-version=VERSION Version of the API of the demo data.
      --demo-track-path          Track the path in the demo data.
      --demo-days=30             Days of demo data.
      --demo-records-per-hour=0  Demo records per hour; 0: a random number.
      --demo-future-data         Demo data from today forwards.
      --debug                    Log at level debug.
      --version                  Show the version.
`

export type Command =
  | { readonly kind: 'run'; readonly confPath: string; readonly debug: boolean }
  /** Print a text and end. */
  | { readonly kind: 'print'; readonly text: string; readonly exitCode: 0 }
  | { readonly kind: 'refuse'; readonly message: string }

/** Reads the command line. */
export function parseCommand(args: readonly string[], env: NodeJS.ProcessEnv, version: string): Command {
  let values: ReturnType<typeof readFlags>
  try {
    values = readFlags(args)
  } catch (error) {
    return { kind: 'refuse', message: `${(error as Error).message} (try --help)` }
  }
  if (values.help === true) return { kind: 'print', text: HELP, exitCode: 0 }
  if (values.version === true) return { kind: 'print', text: `${version}\n`, exitCode: 0 }
  const demo = env['TYK_PMP_BUILDDEMODATA'] ?? ''
  if (demo !== '' || (values.demo ?? '') !== '') {
    return { kind: 'refuse', message: 'demo data (--demo, TYK_PMP_BUILDDEMODATA) is not in this version' }
  }
  return { kind: 'run', confPath: values.conf ?? 'pump.conf', debug: values.debug === true }
}

// The return type is the one parseArgs infers from this table.
function readFlags(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    options: {
      conf: { type: 'string', short: 'c' },
      demo: { type: 'string' },
      'demo-api': { type: 'string' },
      'demo-api-version': { type: 'string' },
      'demo-track-path': { type: 'boolean' },
      'demo-days': { type: 'string' },
      'demo-records-per-hour': { type: 'string' },
      'demo-future-data': { type: 'boolean' },
      debug: { type: 'boolean' },
      version: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values
}
