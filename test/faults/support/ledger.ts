import { runHere } from '../../../packages/pump/test/support/run-command.ts'

/** What `pump ledger` says of one sink. */
export interface LedgerTotal {
  readonly in: number
  readonly delivered: number
  readonly filtered: number
  readonly dead: number
  readonly dropped: number
  readonly pending: number
  /** Booked although no gateway has counted it. */
  readonly uncounted: number
  readonly no_records: number
  /** Neither booked nor waiting anywhere. */
  readonly missing: number
}

/** Asks the command, for the seconds from one to another. */
export async function askLedger(
  redisPort: number,
  pumps: object,
  fromSeconds: number,
  toSeconds: number,
): Promise<ReadonlyMap<string, LedgerTotal>> {
  const minute = (seconds: number): string => `${new Date(seconds * 1000).toISOString().slice(0, 16)}Z`
  const args = ['ledger', '--json', '--by=total', `--from=${minute(fromSeconds)}`, `--to=${minute(toSeconds + 60)}`]
  const conf = { analytics_storage_config: { host: '127.0.0.1', port: redisPort }, pumps }
  const { code, output } = await runHere(args, conf)
  const totals = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LedgerTotal & { readonly sink: string; readonly total?: true })
    .filter(({ total }) => total === true)
  if (code === 1) throw new Error(`pump ledger could not answer:\n${output}`)
  return new Map(totals.map((total) => [total.sink, total]))
}
