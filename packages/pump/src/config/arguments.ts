import { parseArgs } from 'node:util'
import { HELP } from './help.ts'

export type Command =
  | { readonly kind: 'run'; readonly confPath: string; readonly debug: boolean }
  | LeasesCommand
  | DeadLettersCommand
  | CheckCommand
  | LedgerCommand
  /** Print a text and end. */
  | { readonly kind: 'print'; readonly text: string; readonly exitCode: 0 }
  | { readonly kind: 'refuse'; readonly message: string }

/** What all commands have that do something and end. */
interface CommandBase {
  readonly confPath: string
  /** It was named, so that nothing is done without it. */
  readonly confMustExist: boolean
  readonly debug: boolean
}

/** Looks at leases, or gives up a sink's part of them, and ends. */
export interface LeasesCommand extends CommandBase {
  readonly kind: 'leases'
  /** What to give up; null: list them all. */
  readonly release: LeasesRelease | null
}

export interface LeasesRelease {
  /** Upper case; null, which is only for what is missing: all. */
  readonly sink: string | null
  /** Not what waits, but spilled records whose files are gone: `files` of folders that pumps have, or all of a folder. */
  readonly missing: 'files' | { readonly folder: string } | null
  readonly confirmed: boolean
}

/** Looks at dead letters, sends them again or gives them up, and ends. */
export interface DeadLettersCommand extends CommandBase {
  readonly kind: 'dead-letters'
  readonly action: 'list' | 'show' | 'replay' | 'drop'
  readonly selection: LetterSelection
  readonly confirmed: boolean
  /** Letters that list shows. */
  readonly limit: number
  readonly raw: boolean
  readonly json: boolean
}

/** Which dead letters are meant; everything that is given has to fit. */
export interface LetterSelection {
  /** Empty: any. */
  readonly ids: readonly string[]
  /** Upper case; `-` for letters that were for no sink; null: any. */
  readonly sink: string | null
  readonly reason: string | null
  readonly olderThanMs: number | null
  readonly newerThanMs: number | null
}

/** Walks the way of a record and says where it ends. */
export interface CheckCommand extends CommandBase {
  readonly kind: 'check'
  readonly json: boolean
}

/** Prints what became of records, and ends. */
export interface LedgerCommand extends CommandBase {
  readonly kind: 'ledger'
  readonly from: Moment
  readonly to: Moment
  readonly api: string | null
  /** Upper case; null: all. */
  readonly sink: string | null
  readonly by: LedgerGrouping
  readonly json: boolean
}

export const LEDGER_GROUPINGS = ['minute', 'hour', 'api', 'total'] as const
export type LedgerGrouping = (typeof LEDGER_GROUPINGS)[number]

/** An instant: epoch milliseconds, or so many before now. */
export type Moment = { readonly at: number } | { readonly agoMs: number }

type Values = ReturnType<typeof readFlags>['values']

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
  const words = commandWords(positionals)
  const allowed = FLAGS_OF.get(words)
  if (allowed === undefined) return refuse(unknownCommand(words, positionals))
  const stray = COMMAND_FLAGS.find((flag) => values[flag] !== undefined && !allowed.includes(flag))
  if (stray !== undefined) {
    const owners = [...FLAGS_OF].filter(([, flags]) => flags.includes(stray))
    return refuse(`--${stray} belongs to ${owners.map(([command]) => command).join(', ')}`)
  }
  return build(words, positionals.slice(words === '' ? 0 : words.split(' ').length), values, env)
}

const SELECTING = ['sink', 'reason', 'older-than', 'newer-than', 'all'] as const
const COMMAND_FLAGS = [
  ...SELECTING,
  'missing',
  'folder',
  'yes',
  'limit',
  'raw',
  'json',
  'from',
  'to',
  'api',
  'by',
] as const

/** The flags of each command besides those that all have. */
const FLAGS_OF: ReadonlyMap<string, readonly (typeof COMMAND_FLAGS)[number][]> = new Map([
  ['', []],
  ['check', ['json']],
  ['leases list', []],
  ['leases release', ['sink', 'missing', 'folder', 'yes']],
  ['dead-letters list', [...SELECTING, 'limit', 'json']],
  ['dead-letters show', [...SELECTING, 'raw', 'json']],
  ['dead-letters replay', [...SELECTING, 'yes']],
  ['dead-letters drop', [...SELECTING, 'yes']],
  ['ledger', ['from', 'to', 'api', 'sink', 'by', 'json']],
])

/** What is wrong with words that are no command; for the first word of one, what may follow. */
function unknownCommand(words: string, positionals: readonly string[]): string {
  const next = [...FLAGS_OF.keys()].filter((command) => command.startsWith(`${words} `))
  if (next.length === 0) return `unknown command "${positionals.join(' ')}"`
  return `${words} needs one of: ${next.map((command) => command.slice(words.length + 1)).join(', ')}`
}

/** The words in front that name a command; what follows names letters. */
function commandWords(positionals: readonly string[]): string {
  const takesIds = positionals[0] === 'dead-letters'
  return positionals.slice(0, takesIds ? 2 : undefined).join(' ')
}

function build(words: string, ids: readonly string[], values: Values, env: NodeJS.ProcessEnv): Command {
  const common = {
    confPath: values.conf ?? 'pump.conf',
    confMustExist: values.conf !== undefined,
    debug: values.debug === true,
  } as const
  const [noun, verb] = words.split(' ')
  if (noun === 'check') return { kind: 'check', ...common, json: values.json === true }
  if (noun === 'leases') return buildLeases(verb === 'release', values, common)
  if (noun === 'dead-letters') return buildDeadLetters(verb as DeadLettersCommand['action'], ids, values, common)
  if (noun === 'ledger') return buildLedger(values, common)
  const demo = env['TYK_PMP_BUILDDEMODATA'] ?? ''
  if (demo !== '' || (values.demo ?? '') !== '') {
    return { kind: 'refuse', message: 'demo data (--demo, TYK_PMP_BUILDDEMODATA) is not in this version' }
  }
  // Without its file the pump starts as Tyk's does, and says so.
  return { kind: 'run', confPath: common.confPath, debug: common.debug }
}

type Common = CommandBase

function buildLeases(release: boolean, values: Values, common: Common): Command {
  if (!release) return { kind: 'leases', ...common, release: null }
  const { folder, missing: isMissing = false } = values
  if (folder === '' || (folder !== undefined && isMissing)) {
    return refuse('--folder needs the name of a folder as leases list shows it, and goes without --missing')
  }
  // Names of sinks are in upper case, whatever the configuration says.
  const sink = (values.sink ?? '').toUpperCase() || null
  const missing = folder !== undefined ? { folder } : isMissing ? 'files' : null
  if (sink === null && missing === null) return refuse('leases release needs --sink=NAME, --missing or --folder=NAME')
  return { kind: 'leases', ...common, release: { sink, missing, confirmed: values.yes === true } }
}

function buildDeadLetters(
  action: DeadLettersCommand['action'],
  ids: readonly string[],
  values: Values,
  common: Common,
): Command {
  const ages = [values['older-than'], values['newer-than']].map((text) => (text === undefined ? null : parseAge(text)))
  if (ages.includes(undefined)) return refuse('expected an age such as 30s, 15m, 12h or 7d')
  const limit = Number(values.limit ?? 50)
  if (!Number.isSafeInteger(limit) || limit < 0) return refuse('--limit: expected a number of dead letters, or 0')
  const [olderThanMs = null, newerThanMs = null] = ages
  const selection = {
    ids,
    sink: values.sink?.toUpperCase() ?? null,
    reason: values.reason ?? null,
    olderThanMs,
    newerThanMs,
  }
  const selects = ids.length > 0 || SELECTING.some((flag) => values[flag] !== undefined)
  if (action === 'show' && !selects) return refuse('dead-letters show needs an ID: dead-letters list has them')
  if ((action === 'replay' || action === 'drop') && !selects) {
    const flags = SELECTING.map((flag) => `--${flag}`).join(', ')
    return refuse(`dead-letters ${action} needs to know which: an ID, or one of ${flags}`)
  }
  return {
    kind: 'dead-letters',
    ...common,
    action,
    selection,
    confirmed: values.yes === true,
    limit: limit === 0 ? Infinity : limit,
    raw: values.raw === true,
    json: values.json === true,
  }
}

const AGE_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds, or undefined when it is no age. */
function parseAge(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? []
  return number === undefined ? undefined : Number(number) * (AGE_MS[unit] ?? 0)
}

function buildLedger(values: Values, common: Common): Command {
  const from = parseMoment(values.from ?? '1h')
  const to = parseMoment(values.to ?? 'now')
  if (from === undefined || to === undefined) {
    return refuse(
      `--${from === undefined ? 'from' : 'to'}: expected a time such as 2026-11-28T15:00Z, or an age such as 2h`,
    )
  }
  const by = LEDGER_GROUPINGS.find((grouping) => grouping === (values.by ?? 'api'))
  if (by === undefined) return refuse(`--by: expected one of ${LEDGER_GROUPINGS.join(', ')}`)
  return {
    kind: 'ledger',
    ...common,
    from,
    to,
    api: values.api ?? null,
    sink: values.sink?.toUpperCase() ?? null,
    by,
    json: values.json === true,
  }
}

const ISO_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/

/** A time without a zone is UTC, as times are printed. */
function parseMoment(text: string): Moment | undefined {
  if (text === 'now') return { agoMs: 0 }
  const agoMs = parseAge(text)
  if (agoMs !== undefined) return { agoMs }
  const [, time, , , zone] = ISO_TIME.exec(text) ?? []
  if (!ISO_TIME.test(text)) return undefined
  const at = Date.parse(
    `${text.slice(0, text.length - (zone?.length ?? 0))}${time === undefined ? 'T00:00' : ''}${zone ?? 'Z'}`,
  )
  return Number.isNaN(at) ? undefined : { at }
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
      reason: { type: 'string' },
      'older-than': { type: 'string' },
      'newer-than': { type: 'string' },
      all: { type: 'boolean' },
      missing: { type: 'boolean' },
      folder: { type: 'string' },
      yes: { type: 'boolean' },
      limit: { type: 'string' },
      raw: { type: 'boolean' },
      json: { type: 'boolean' },
      from: { type: 'string' },
      to: { type: 'string' },
      api: { type: 'string' },
      by: { type: 'string' },
      version: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}
