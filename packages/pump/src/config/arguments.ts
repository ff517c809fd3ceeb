import { parseArgs } from 'node:util'

const HELP = `usage: tyk-pump [<flags>]
       tyk-pump leases list [--conf=FILE]
       tyk-pump leases release --sink=NAME [--yes] [--conf=FILE]

Moves analytics records from Redis to the configured sinks.

  leases list      Show what waits in Redis for each sink.
  leases release   Give up what waits for a sink that no running pump has. Without --yes: say what that would be.

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
      --sink=NAME                The sink of leases release.
      --yes                      Do what leases release says.
      --version                  Show the version.
`

export type Command =
  | { readonly kind: 'run'; readonly confPath: string; readonly debug: boolean }
  | LeasesCommand
  /** Print a text and end. */
  | { readonly kind: 'print'; readonly text: string; readonly exitCode: 0 }
  | { readonly kind: 'refuse'; readonly message: string }

/** Looks at leases, or gives up a sink's part of them, and ends. */
export interface LeasesCommand {
  readonly kind: 'leases'
  readonly confPath: string
  readonly debug: boolean
  /** The sink to give up; null: list them all. */
  readonly release: { readonly sink: string; readonly confirmed: boolean } | null
}

/** Reads the command line. */
export function parseCommand(args: readonly string[], env: NodeJS.ProcessEnv, version: string): Command {
  let parsed: ReturnType<typeof readFlags>
  try {
    parsed = readFlags(args)
  } catch (error) {
    return refuse((error as Error).message)
  }
  const { values, positionals } = parsed
  if (values.help === true) return { kind: 'print', text: HELP, exitCode: 0 }
  if (values.version === true) return { kind: 'print', text: `${version}\n`, exitCode: 0 }
  if (positionals.length > 0) return parseLeases(positionals, values)
  if (values.sink !== undefined || values.yes === true) return refuse('--sink and --yes belong to leases release')
  const demo = env['TYK_PMP_BUILDDEMODATA'] ?? ''
  if (demo !== '' || (values.demo ?? '') !== '') {
    return { kind: 'refuse', message: 'demo data (--demo, TYK_PMP_BUILDDEMODATA) is not in this version' }
  }
  return { kind: 'run', confPath: values.conf ?? 'pump.conf', debug: values.debug === true }
}

function parseLeases(words: readonly string[], values: ReturnType<typeof readFlags>['values']): Command {
  const common = { kind: 'leases', confPath: values.conf ?? 'pump.conf', debug: values.debug === true } as const
  const text = words.join(' ')
  if (text === 'leases list') return { ...common, release: null }
  if (text !== 'leases release') return refuse(`unknown command "${text}"`)
  if ((values.sink ?? '') === '') return refuse('leases release needs --sink=NAME')
  // Names of sinks are in upper case, whatever the configuration says.
  return { ...common, release: { sink: (values.sink ?? '').toUpperCase(), confirmed: values.yes === true } }
}

function refuse(message: string): Command {
  return { kind: 'refuse', message: `${message} (try --help)` }
}

// The return type is the one parseArgs infers from this table.
function readFlags(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: true,
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
      sink: { type: 'string' },
      yes: { type: 'boolean' },
      version: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}
