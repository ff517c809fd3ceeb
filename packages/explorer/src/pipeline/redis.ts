import { ANALYTICS_KEY_PREFIX, analyticsKey, RELOADS_KEPT, RELOADS_KEY, sourceLists } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import type { Pipeline, Reload } from '../api/schema.ts'
import { LedgerAccount } from './ledger-account.ts'
import { MOST_MINUTES, readLedger } from './ledger-read.ts'
import type { PumpReport } from './pump.ts'

export interface RedisReport {
  readonly lists: NonNullable<Pipeline['lists']>
  readonly ledger: NonNullable<Pipeline['ledger']>
  readonly problems: Pipeline['problems']
}

export interface RedisReader {
  /** @throws When Redis does not answer, or not before the signal is aborted. */
  read(
    range: { readonly fromMs: number; readonly toMs: number },
    pump: Promise<PumpReport | null>,
    signal: AbortSignal,
  ): Promise<RedisReport>
  /** @throws As `read` does. */
  reloads(range: { readonly fromMs: number; readonly toMs: number }, signal: AbortSignal): Promise<Reload[]>
  close(): void
}

const MINUTE_MS = 60_000
/** What the pump keeps beside the lists. A pump with another key prefix has other names, and its own command. */
const OF_PUMP = `{${ANALYTICS_KEY_PREFIX}tyk-pump}`
const DEAD_LETTERS = `${OF_PUMP}:dead-letters`
const LEDGER_SINKS = `${OF_PUMP}:ledger:sinks`

export function createRedisReader(url: string): RedisReader {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3000,
    maxRetriesPerRequest: 1,
    retryStrategy: (times) => Math.min(5000, times * 200),
  })
  // Without a listener it would end the process; who asks is told by the failed command.
  client.on('error', () => undefined)
  const sources = sourceLists()

  const lengthsOf = async (keys: readonly string[]): Promise<{ name: string; length: number }[]> => {
    const lengths = await Promise.all(keys.map((key) => client.llen(key)))
    return keys.map((name, at) => ({ name, length: lengths[at] ?? 0 }))
  }

  const look = async (
    range: { readonly fromMs: number; readonly toMs: number },
    pump: Promise<PumpReport | null>,
    signal: AbortSignal,
  ): Promise<RedisReport> => {
    const problems: Pipeline['problems'] = []
    const now = Math.floor(Date.now() / MINUTE_MS)
    // Minutes to come are empty, and would take the place of those that are not.
    const last = Math.min(Math.ceil(range.toMs / MINUTE_MS) - 1, now)
    const first = Math.max(Math.floor(range.fromMs / MINUTE_MS), last - MOST_MINUTES + 1)
    const oldest = now - MOST_MINUTES
    if (Math.floor(range.fromMs / MINUTE_MS) < Math.max(first, oldest)) {
      const message = 'the range is longer than the ledger: minutes live for 7 days after their last booking'
      problems.push({ part: 'ledger', message, cure: 'ask for the last 7 days or less' })
    }
    const since = await client.hgetall(LEDGER_SINKS)
    const report = await pump
    const expected = report?.sinks.map(({ name }) => name) ?? Object.keys(since)
    const account = new LedgerAccount(expected, since)
    // What is written is read first and what is booked last, so that nothing that moves meanwhile looks missing.
    const keys = sources.map(({ key }) => key)
    const minutes = { first, last }
    await readLedger(client, keys, minutes, signal, (place, fields) => account.addWritten(place, fields))
    const lists = await lengthsOf([...keys, DEAD_LETTERS])
    await readLedger(client, keys, minutes, signal, (place, fields) => account.addBooked(place, fields))
    if (account.written === 0) {
      const message = 'no gateway has counted what it wrote in this range'
      const cure = "gateways count with analytics_ledger (TYK_GW_ANALYTICSLEDGER), which is on by default; Tyk's do not"
      problems.push({ part: 'ledger', message, cure })
    }
    const inLists = lists.reduce((sum, { name, length }) => (name === DEAD_LETTERS ? sum : sum + length), 0)
    const pendingOf = new Map(report?.sinks.map(({ name, pending }) => [name, pending]))
    const found = account.sinks((sink) => {
      const pending = pendingOf.get(sink)
      return pending === undefined ? null : inLists + pending
    })
    if (found.some(({ missing }) => missing > 0)) {
      const message = 'records are missing: written by gateways, booked nowhere, and not waiting for this pump'
      problems.push({
        part: 'ledger',
        message,
        cure: 'run: pump ledger. It also looks at other pumps and at spilled files',
      })
    }
    const dead = lists.find(({ name }) => name === DEAD_LETTERS)?.length ?? 0
    if (dead > 0) {
      const message = `${dead} dead letters wait for a person`
      problems.push({ part: 'dead letters', message, cure: 'run: pump dead-letters list' })
    }
    const main = analyticsKey('msgpack')
    return {
      lists: lists.filter(({ name, length }) => length > 0 || name === main || name === DEAD_LETTERS),
      ledger: { counted: account.written, sinks: found },
      problems,
    }
  }

  return {
    read: (range, pump, signal) => unlessAborted(signal, look(range, pump, signal)),
    async reloads({ fromMs, toMs }, signal) {
      const entries = await unlessAborted(signal, client.lrange(RELOADS_KEY, 0, RELOADS_KEPT - 1))
      const found = entries.flatMap((entry) => {
        const [, time, result] = /^(\d+) (done|failed)$/.exec(entry) ?? []
        const ms = Number(time)
        return ms >= fromMs && ms < toMs ? { ms, worked: result === 'done' } : []
      })
      return marksOf(found.toSorted((a, b) => a.ms - b.ms))
    },
    close: () => client.disconnect(),
  }
}

/** A command that Redis does not answer goes on without whoever asked. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const cut = Promise.withResolvers<never>()
  const leave = (): void => cut.reject(signal.reason as Error)
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([work, cut.promise])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

/** Gateways that are told together reload within this time. */
const TOGETHER_MS = 5000

/** What several gateways did together, with the same outcome, is one mark, where the first was done. */
function marksOf(reloads: readonly { readonly ms: number; readonly worked: boolean }[]): Reload[] {
  const marks: { readonly ms: number; readonly worked: boolean }[] = []
  for (const reload of reloads) {
    const isKnown = marks.some(({ ms, worked }) => worked === reload.worked && reload.ms - ms < TOGETHER_MS)
    if (!isKnown) marks.push(reload)
  }
  return marks.map(({ ms, worked }) => ({ time: new Date(ms).toISOString(), worked }))
}
