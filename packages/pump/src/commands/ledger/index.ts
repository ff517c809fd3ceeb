/** `ledger`: what became of the records of a time, beside what gateways have written and what waits. */
import { ANALYTICS_KEY_PREFIX, type SourceList, sourceLists } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import type { LedgerCommand, Moment } from '../../config/arguments.ts'
import { LeaseInspector, ledgerSinksKey } from '../../lease/index.ts'
import { type MinuteRange, readLedger, registeredSinks } from '../../ledger/index.ts'
import { keyPrefixOf } from '../../redis/options.ts'
import { inspectSpilled } from '../../spill/index.ts'
import { Progress } from '../progress.ts'
import { type CommandDeps, withRedis } from '../session.ts'
import { Account, timeOf } from './account.ts'
import { type SinkFindings, type Waiting, formatFindings, formatJson } from './print.ts'

const MINUTE_MS = 60_000
/** As long as hashes live. */
const MOST_MINUTES = 7 * 1440

/** Returns the exit code: 2 when records are missing, 1 when Redis cannot be asked or the question makes no sense. */
export function runLedger(command: LedgerCommand, deps: CommandDeps): Promise<number> {
  const { config, log, print } = deps
  const range = rangeOf(command)
  const problem = problemOf(range)
  if (problem !== null) {
    log.error(problem)
    return Promise.resolve(1)
  }
  if (!config.core.ledger) log.warn('the ledger of this configuration is off: ledger (TYK_PMP_LEDGER)')
  return withRedis(deps, async ({ client }) => {
    const progress = new Progress(deps.progress)
    const look = (): Promise<readonly SinkFindings[]> => lookOnce(client, command, range, deps, progress)
    let findings = await look()
    // A pump that gave a lease back in the midst of it looks like a hole. One that is there still is one.
    if (findings.some(({ missing }) => missing > 0)) findings = confirmed(await look(), findings)
    progress.clear()
    if (findings.length === 0) {
      const known = config.sinks.map(({ name }) => name).join(', ')
      log.error({ sink: command.sink, configured: known }, 'no such sink')
      return 1
    }
    if (command.json) print(formatJson(findings, command.by))
    else {
      print(`records from ${timeOf(range.first)} to ${timeOf(range.last + 1)}, by their own time\n`)
      print(formatFindings(findings, command.by))
    }
    return findings.some(({ missing }) => missing > 0) ? 2 : 0
  })
}

function rangeOf({ from, to }: LedgerCommand): MinuteRange {
  const now = Date.now()
  const msOf = (moment: Moment): number => ('at' in moment ? moment.at : now - moment.agoMs)
  return { first: Math.floor(msOf(from) / MINUTE_MS), last: Math.ceil(msOf(to) / MINUTE_MS) - 1 }
}

function problemOf({ first, last }: MinuteRange): string | null {
  if (last < first) return '--from must be before --to'
  return last - first > MOST_MINUTES ? 'at most 7 days at a time: what is booked lives no longer' : null
}

/**
 * Reads in an order in which nothing that moves meanwhile can look as if it were missing: first what was written, then what
 * waits, last what is booked. What was written in between is taken off again.
 */
async function lookOnce(
  client: Redis | Cluster,
  command: LedgerCommand,
  range: MinuteRange,
  { config }: CommandDeps,
  progress: Progress,
): Promise<readonly SinkFindings[]> {
  const prefix = keyPrefixOf(config.core.analytics_storage_config, ANALYTICS_KEY_PREFIX)
  const sources = sourceLists(prefix)
  const configured = config.sinks.map(({ name }) => name)
  const since = await registeredSinks(client, ledgerSinksKey(prefix))
  const newAccount = (): Account =>
    new Account({
      by: command.by,
      api: command.api,
      shown: command.sink === null ? null : [command.sink],
      expected: configured,
      newUntil: newUntil(since, configured),
    })
  const read = async (): Promise<Account> => {
    const account = newAccount()
    const report = (done: number, total: number): void => progress.report('minutes of lists read', done, total)
    await readLedger(client, sources, range, (_, minute, counts) => account.add(minute, counts), report)
    return account
  }
  const before = await read()
  const waiting = await readWaiting(client, sources, progress)
  const after = await read()
  const meanwhile = Math.max(0, after.written - before.written)
  return [...after.sinks].map(([sink, account]) => {
    const waits = waiting(sink)
    const isConfigured = configured.includes(sink)
    const hole = account.total.pending - meanwhile - waits.lists - waits.leases - waits.files
    return { sink, account, configured: isConfigured, waiting: waits, missing: isConfigured ? Math.max(0, hole) : 0 }
  })
}

/**
 * Of a sink that came later than others nothing is expected up to the minute in which it came. Of the first ones everything
 * is, also from before: nobody else can have had those records.
 */
function newUntil(since: ReadonlyMap<string, number>, configured: readonly string[]): ReadonlyMap<string, number> {
  const first = Math.min(...since.values())
  const until = new Map<string, number>()
  for (const sink of configured) {
    const minute = since.get(sink) ?? Infinity
    if (minute > first) until.set(sink, minute)
  }
  return until
}

/** Source lists first: what is taken meanwhile is then seen twice rather than not at all. */
async function readWaiting(
  client: Redis | Cluster,
  sources: readonly SourceList[],
  progress: Progress,
): Promise<(sink: string) => Waiting> {
  const lengths = await Promise.all(sources.map(({ key }) => client.llen(key)))
  const lists = lengths.reduce((sum, length) => sum + length, 0)
  const filesBefore = await readFiles(client, sources)
  const backlogs = await new LeaseInspector(client, progress.report).list(sources)
  const leases = new Map(backlogs.map(({ sink, held, waiting }) => [sink, held.records + waiting.records]))
  const filesAfter = await readFiles(client, sources)
  // Segments go to files and come back: looked at on both sides of the leases, none is missed.
  const files = (sink: string): number => Math.max(filesBefore.get(sink) ?? 0, filesAfter.get(sink) ?? 0)
  return (sink) => ({ lists, leases: leases.get(sink) ?? 0, files: files(sink) })
}

/** Records in files of pumps that spill, by sink. */
async function readFiles(client: Redis | Cluster, sources: readonly SourceList[]): Promise<Map<string, number>> {
  const records = new Map<string, number>()
  for (const one of await inspectSpilled(client, sources, true)) {
    records.set(one.sink, (records.get(one.sink) ?? 0) + one.records)
  }
  return records
}

/** The smaller of two findings about each sink. */
function confirmed(findings: readonly SinkFindings[], before: readonly SinkFindings[]): readonly SinkFindings[] {
  return findings.map((one) => {
    const earlier = before.find(({ sink }) => sink === one.sink)?.missing ?? 0
    return { ...one, missing: Math.min(one.missing, earlier) }
  })
}
