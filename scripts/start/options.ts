import { isAbsolute, join } from 'node:path'
import { parseArgs } from 'node:util'
import { dataDir as defaultDataDir, root } from '../jobs/lib.ts'

export interface StartOptions {
  readonly gatewayPort: number
  readonly pumpPort: number
  readonly explorerPort: number
  readonly upstreamPort: number
  readonly redisPort: number
  readonly redisUrl: string | undefined
  readonly elasticsearchUrl: string | undefined
  readonly purgeDelaySeconds: number
  /** How long records are stored; 0: for ever. */
  readonly keepDays: number
  readonly dataDir: string
  /** Sample traffic from the start; the page can begin it as well. */
  readonly traffic: boolean
  readonly verbose: boolean
}

/** A port that can be moved: its flag, its environment variable and who listens there. */
export interface PortChoice {
  readonly flag: string
  readonly env: string
  readonly fallback: number
  readonly owner: string
}

export const PORTS = {
  gateway: { flag: '--gateway-port', env: 'TEK_GATEWAY_PORT', fallback: 8080, owner: 'the gateway' },
  pump: { flag: '--pump-port', env: 'TEK_PUMP_PORT', fallback: 8083, owner: "the pump's health endpoint" },
  explorer: { flag: '--explorer-port', env: 'TEK_EXPLORER_PORT', fallback: 8084, owner: 'the explorer page' },
  upstream: { flag: '--upstream-port', env: 'TEK_UPSTREAM_PORT', fallback: 8081, owner: 'the sample upstream' },
  redis: { flag: '--redis-port', env: 'TEK_REDIS_PORT', fallback: 6390, owner: 'Redis' },
} as const satisfies Record<string, PortChoice>

export const USAGE = `npm start -- [options]

  --gateway-port N       default 8080 (TEK_GATEWAY_PORT)
  --upstream-port N      the sample upstream, default 8081 (TEK_UPSTREAM_PORT)
  --pump-port N          the pump's health endpoint, default 8083 (TEK_PUMP_PORT)
  --explorer-port N      the page over the records, default 8084 (TEK_EXPLORER_PORT)
  --redis-port N         the Redis that is started here, default 6390 (TEK_REDIS_PORT)
  --elasticsearch URL    ship to this Elasticsearch or OpenSearch as well (TEK_ELASTICSEARCH_URL)
  --traffic              begin with ten minutes of sample traffic; the page has a button for it, too
  --purge-delay SECONDS  purge_delay of the pump, default 2; whatever it says, records are taken every second
  --keep-days N          the store deletes older records, and the oldest ones beyond 2 GiB; default 7, 0 keeps all
  --data-dir FOLDER      where everything is kept, default .data; one npm start per folder
  --verbose              show every log line of every program
  --help

With REDIS_URL set, that Redis is used and none is started.

The files in FOLDER/conf are written anew at each start: changes made to them do not last, and TYK_GW_…, TYK_PMP_… and
TEK_EXPLORER_… are ignored. To run the programs with files and variables of your own, see "Configuration" in README.md.
`

export class UsageError extends Error {}

/** Options that npm keeps for itself when the two dashes before them are left out. */
export const FLAGS = [
  'gateway-port',
  'pump-port',
  'explorer-port',
  'upstream-port',
  'redis-port',
  'elasticsearch',
  'traffic',
  'purge-delay',
  'keep-days',
  'data-dir',
] as const

/** Variables of the programs would otherwise change what this command has written into its files. */
const isOfPrograms = (name: string): boolean => /^(TYK_(GW|PMP)|TEK_EXPLORER)_/.test(name)

/** Those that have no effect; the page's port has one, on this command. */
export function ignoredVariables(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env)
    .filter((name) => isOfPrograms(name) && name !== PORTS.explorer.env)
    .toSorted()
}

/** The environment in which the programs are started. */
export function programEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isOfPrograms(name)))
}

/** Without the two dashes npm takes an option for one of its own and tells nobody but the environment. */
function refuseSwallowed(env: NodeJS.ProcessEnv): void {
  const swallowed = FLAGS.filter((flag) => env[`npm_config_${flag.replaceAll('-', '_')}`] !== undefined)
  if (swallowed.length === 0) return
  const names = swallowed.map((flag) => `--${flag}`).join(', ')
  throw new UsageError(`npm kept ${names} for itself: put -- before options, as in npm start -- --${swallowed[0]} …`)
}

/** @throws UsageError when an option is unknown or no number where one is needed. */
export function parseOptions(args: readonly string[], env: NodeJS.ProcessEnv): StartOptions | 'help' {
  refuseSwallowed(env)
  const text = { type: 'string' } as const
  let values
  try {
    ;({ values } = parseArgs({
      args: [...args],
      options: {
        'gateway-port': text,
        'pump-port': text,
        'explorer-port': text,
        'upstream-port': text,
        'redis-port': text,
        elasticsearch: text,
        'purge-delay': { type: 'string', default: '2' },
        'keep-days': { type: 'string', default: '7' },
        'data-dir': text,
        traffic: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }))
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
  if (values.help) return 'help'
  const dataDir = values['data-dir'] ?? defaultDataDir
  const options: StartOptions = {
    gatewayPort: portOf(PORTS.gateway, values['gateway-port'], env),
    pumpPort: portOf(PORTS.pump, values['pump-port'], env),
    explorerPort: portOf(PORTS.explorer, values['explorer-port'], env),
    upstreamPort: portOf(PORTS.upstream, values['upstream-port'], env),
    redisPort: portOf(PORTS.redis, values['redis-port'], env),
    redisUrl: urlOf('REDIS_URL', env['REDIS_URL'], ['redis:', 'rediss:']),
    elasticsearchUrl: urlOf('--elasticsearch', values.elasticsearch ?? env['TEK_ELASTICSEARCH_URL'], [
      'http:',
      'https:',
    ]),
    purgeDelaySeconds: numberOf('--purge-delay', values['purge-delay'], 1, 3600),
    keepDays: numberOf('--keep-days', values['keep-days'], 0, 36_500),
    dataDir: isAbsolute(dataDir) ? dataDir : join(root, dataDir),
    traffic: values.traffic,
    verbose: values.verbose,
  }
  refuseEqualPorts(options)
  return options
}

function refuseEqualPorts(options: StartOptions): void {
  const used = Object.entries({
    [PORTS.gateway.flag]: options.gatewayPort,
    [PORTS.pump.flag]: options.pumpPort,
    [PORTS.explorer.flag]: options.explorerPort,
    [PORTS.upstream.flag]: options.upstreamPort,
    ...(options.redisUrl === undefined && { [PORTS.redis.flag]: options.redisPort }),
  })
  for (const [flag, port] of used) {
    const flags = used.filter(([, other]) => other === port).map(([one]) => one)
    if (flags.length > 1)
      throw new UsageError(`${flag}: ${port} is given to ${flags.join(' and ')}; each needs its own`)
  }
}

function portOf(choice: PortChoice, flag: string | undefined, env: NodeJS.ProcessEnv): number {
  if (flag !== undefined) return numberOf(choice.flag, flag, 1, 65_535)
  const fromEnv = env[choice.env]
  return fromEnv ? numberOf(choice.env, fromEnv, 1, 65_535) : choice.fallback
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new UsageError(`${name}: expected a whole number from ${least} to ${most}, got "${text}"`)
}

function urlOf(name: string, text: string | undefined, protocols: readonly string[]): string | undefined {
  if (!text) return undefined
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text
  throw new UsageError(`${name}: expected a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`)
}
