/** What the command line asks for. */
export interface CliOptions {
  readonly kind: 'options'
  /** `version-line` is the flag `--version`, which prints less than the command. */
  readonly command: 'start' | 'lint' | 'version' | 'version-line' | 'help'
  /** The path after `--conf`. */
  readonly conf: string | null
  /** The number after `--port`. */
  readonly port: number | null
  readonly debug: boolean
  /** `version --json`. */
  readonly json: boolean
  /** Lines to log as warnings. */
  readonly warnings: readonly string[]
}

/** A command line that cannot be obeyed. The process says why and ends with 1. */
export interface CliError {
  readonly kind: 'error'
  readonly message: string
}

export const helpText = `usage: tek-gateway [<flags>] [start | lint | version]

Commands:
  start             starts the gateway (default)
  lint              checks the configuration file and leaves it as it is
  version [--json]  prints version and build

Flags:
  -h, --help        prints this text
  --version         prints the version
  --conf=FILE       configuration file, instead of ./tyk.conf and /etc/tyk/tyk.conf
  --port=PORT       port to listen on, instead of listen_port
  --debug           logs debug lines
`

const VALUE_FLAGS: ReadonlySet<string> = new Set(['conf', 'port'])
const SWITCHES: ReadonlySet<string> = new Set(['help', 'version', 'debug', 'json'])

/** Flags of Tyk that ask for something this program does not have. */
const IGNORED_FLAGS: ReadonlyMap<string, string> = new Map([
  ['httpprofile', 'there are no Go profiles; use node --inspect'],
  ['memprofile', 'there are no Go profiles; use node --heap-prof'],
  ['cpuprofile', 'there are no Go profiles; use node --cpu-prof'],
  ['blockprofile', 'there are no Go profiles'],
  ['mutexprofile', 'there are no Go profiles'],
  ['log-instrumentation', 'StatsD is not in force yet'],
])

const REFUSED_COMMANDS: ReadonlyMap<string, string> = new Map([
  ['import', 'importing Swagger, API Blueprint or WSDL files is not supported'],
  ['bundle', 'plugin bundles are not supported'],
  ['plugin', 'Go plugins are not supported'],
])

/** Parses the arguments after the program's name. */
export function parseArgs(argv: readonly string[]): CliOptions | CliError {
  // Old compose files say `command: tyk`, which the old image's entry point threw away.
  const args = argv[0] === 'tyk' ? argv.slice(1) : argv
  const refusal = REFUSED_COMMANDS.get(args[0] ?? '')
  if (refusal !== undefined) return failure(`${args[0]}: ${refusal}`)
  const found = splitArgs(args)
  if ('kind' in found) return found
  const { flags, words, warnings } = found
  const [word = 'start', ...rest] = words
  if (word !== 'start' && word !== 'lint' && word !== 'version') return failure(`unexpected ${word}`)
  if (rest.length > 0) return failure(`unexpected ${rest.join(' ')}`)
  if (flags.has('json') && word !== 'version') return failure("unknown long flag '--json'")
  return {
    kind: 'options',
    command: flags.has('help') ? 'help' : flags.has('version') ? 'version-line' : word,
    conf: flags.get('conf') ?? null,
    port: parsePort(flags.get('port'), warnings),
    debug: flags.has('debug'),
    json: flags.has('json'),
    warnings,
  }
}

interface Split {
  readonly flags: Map<string, string>
  readonly words: string[]
  readonly warnings: string[]
}

function splitArgs(argv: readonly string[]): Split | CliError {
  const split: Split = { flags: new Map(), words: [], warnings: [] }
  const args = [...argv]
  while (args.length > 0) {
    const arg = args.shift() as string
    if (arg === '-h') split.flags.set('help', '')
    else if (!arg.startsWith('-')) split.words.push(arg)
    else {
      const error = takeFlag(arg, args, split)
      if (error !== undefined) return error
    }
  }
  return split
}

function takeFlag(arg: string, rest: string[], { flags, warnings }: Split): CliError | undefined {
  const [, name = '', attached] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? []
  const ignored = IGNORED_FLAGS.get(name)
  if (ignored !== undefined) {
    warnings.push(`Ignoring --${name}: ${ignored}`)
    return undefined
  }
  if (SWITCHES.has(name)) {
    if (attached !== undefined) return failure(`flag '${name}' takes no value`)
    flags.set(name, '')
    return undefined
  }
  if (!VALUE_FLAGS.has(name)) return failure(`unknown ${name === '' ? 'flag' : 'long flag'} '${arg.split('=')[0]}'`)
  if (flags.has(name)) return failure(`flag '${name}' cannot be repeated`)
  const value = attached ?? rest.shift()
  if (value === undefined) return failure(`expected argument for flag '--${name}'`)
  flags.set(name, value)
  return undefined
}

/** A port that is no number is left out with a warning, as in Tyk. */
function parsePort(text: string | undefined, warnings: string[]): number | null {
  if (text === undefined) return null
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  warnings.push(`Ignoring --port: expected a number from 0 to 65535, got ${JSON.stringify(text)}`)
  return null
}

function failure(message: string): CliError {
  return { kind: 'error', message: `${message}, try --help` }
}
