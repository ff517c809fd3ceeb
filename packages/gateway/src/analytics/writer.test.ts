import { decodeRecord, emptyRecord, type AnalyticsRecord } from '@tek/analytics-record'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import type { Log } from '../log/log.ts'
import type { ListElements } from './list-elements.ts'
import { argumentsOf } from '../../test/support/redis-command.ts'
import type { RecordCounts } from './record-counts.ts'
import { AnalyticsWriter, type ListStore, type WriterOptions } from './writer.ts'

const lines: string[] = []
const say = (_: object, message: string): number => lines.push(message)
const log = { error: say, info: say } as unknown as Log
const linesWith = (text: string): number => lines.filter((line) => line.startsWith(text)).length
beforeEach(() => void (lines.length = 0))

/** A store that can be told to fail, and keeps what it was given. */
class Store implements ListStore {
  away = false
  calls = 0
  readonly lists = new Map<string, AnalyticsRecord[]>()
  readonly ttls: (number | null)[] = []
  /** Counted records by minute and API. */
  readonly ledger: Record<string, number> = {}

  async append(
    key: string,
    elements: ListElements,
    ttlSeconds: number | null,
    counts: RecordCounts | null,
  ): Promise<void> {
    this.calls++
    if (this.away) throw new Error('away')
    this.ttls.push(ttlSeconds)
    for (const [minute, apis] of counts?.minutes ?? []) {
      for (const [apiId, records] of apis) {
        this.ledger[`${minute} ${apiId}`] = (this.ledger[`${minute} ${apiId}`] ?? 0) + records
      }
    }
    const [, list, ...records] = argumentsOf(elements.command(key))
    expect(list?.toString()).toBe(key)
    this.lists.set(key, [...(this.lists.get(key) ?? []), ...records.map((element) => decodeRecord(element))])
  }

  get records(): AnalyticsRecord[] {
    return [...this.lists.values()].flat()
  }
}

function createWriter(store: Store, options: Partial<WriterOptions> = {}): AnalyticsWriter {
  return new AnalyticsWriter({
    store,
    log,
    serialisation: 'msgpack',
    numberedLists: false,
    ttlSeconds: 60,
    maxBufferedBytes: 100_000_000,
    ledger: true,
    ...options,
  })
}

const record = (path: string): AnalyticsRecord => ({ ...emptyRecord(), path, tags: [] })
const paths = (store: Store): string[] => store.records.map((each) => each.path)

test('writes records in order and in batches, with a life for the list', async () => {
  const store = new Store()
  const writer = createWriter(store)
  for (let i = 0; i < 2500; i++) writer.push(record(`/${i}`))
  await writer.close(1000)
  expect(paths(store)).toEqual(Array.from({ length: 2500 }, (_, i) => `/${i}`))
  expect(store.calls).toBeLessThan(10)
  expect(new Set(store.ttls)).toEqual(new Set([60]))
  expect(writer.counters()).toEqual({ pushed: 2500, written: 2500, dropped: 0, buffered: 0 })
})

test('keeps records while the store is away and writes them in order when it is back', async () => {
  const store = new Store()
  store.away = true
  const writer = createWriter(store)
  writer.push(record('/1'))
  await eventually(() => expect(store.calls).toBeGreaterThan(1))
  writer.push(record('/2'))
  store.away = false
  await eventually(() => expect(paths(store)).toEqual(['/1', '/2']))
  await writer.close(1000)
})

test('drops the oldest beyond its bound, counts them, and says so once', async () => {
  const store = new Store()
  store.away = true
  const writer = createWriter(store, { maxBufferedBytes: 600_000 })
  for (let i = 0; i < 3000; i++) writer.push(record(`/${i}`))
  await eventually(() => expect(writer.counters().dropped).toBeGreaterThan(0))
  store.away = false
  await writer.close(1000)
  const { pushed, written, dropped, buffered } = writer.counters()
  expect({ pushed, sum: written + dropped, buffered }).toEqual({ pushed: 3000, sum: 3000, buffered: 0 })
  expect(paths(store).at(-1)).toBe('/2999')
  expect(linesWith('Analytics records dropped')).toBe(1)
})

test('says at its end what could not be written', async () => {
  const store = new Store()
  store.away = true
  const writer = createWriter(store)
  writer.push(record('/lost'))
  await writer.close(50)
  expect(writer.counters()).toMatchObject({ written: 0, dropped: 1 })
  expect(linesWith('Analytics records lost')).toBe(1)
})

test('spreads over the numbered lists when told to', async () => {
  const store = new Store()
  const writer = createWriter(store, { numberedLists: true })
  for (let i = 0; i < 60_000; i++) writer.push(record('/'))
  await writer.close(5000)
  expect(store.lists.size).toBeGreaterThan(5)
  for (const key of store.lists.keys()) expect(key).toMatch(/^analytics-tyk-system-analytics_\d$/)
})

test('does not wait with records that hold large messages', async () => {
  const store = new Store()
  const writer = createWriter(store)
  for (let i = 0; i < 5; i++) writer.push({ ...record(`/${i}`), rawResponse: 'x'.repeat(2_000_000) })
  await new Promise((resolve) => setImmediate(resolve))
  expect(store.calls).toBe(1)
  await writer.close(1000)
  expect(paths(store)).toEqual(['/0', '/1', '/2', '/3', '/4'])
})

test('counts the records of a batch by minute and API, each as often as it is in the list', async () => {
  const store = new Store()
  store.away = true
  const writer = createWriter(store)
  const at = (seconds: number, apiId: string): AnalyticsRecord => ({
    ...record('/'),
    apiId,
    timestamp: { seconds, nanos: 1 },
  })
  for (let i = 0; i < 1500; i++) writer.push(at(59 + (i % 3), i % 2 === 0 ? 'a' : 'b'))
  await eventually(() => expect(store.calls).toBeGreaterThan(2))
  store.away = false
  await writer.close(1000)
  expect(store.records).toHaveLength(1500)
  expect(store.ledger).toEqual({ '0 a': 250, '0 b': 250, '1 a': 500, '1 b': 500 })
})

test('leaves what was dropped, or could not be encoded, out of the ledger', async () => {
  const store = new Store()
  store.away = true
  const writer = createWriter(store, { maxBufferedBytes: 600_000 })
  writer.push({ ...record('/'), responseCode: 0.5 })
  for (let i = 0; i < 3000; i++) writer.push(record(`/${i}`))
  await eventually(() => expect(writer.counters().dropped).toBeGreaterThan(1))
  store.away = false
  await writer.close(1000)
  const { written, dropped } = writer.counters()
  expect(written + dropped).toBe(3001)
  expect(Object.values(store.ledger)).toEqual([written])
  expect(store.records).toHaveLength(written)
})

test('counts nothing with the ledger switched off', async () => {
  const store = new Store()
  const writer = createWriter(store, { ledger: false })
  writer.push(record('/'))
  await writer.close(1000)
  expect(store.records).toHaveLength(1)
  expect(store.ledger).toEqual({})
})

test('has in pushed the sum of written, dropped and buffered at every moment', async () => {
  const store = new Store()
  const writer = createWriter(store, { maxBufferedBytes: 600_000 })
  for (let round = 0; round < 40; round++) {
    store.away = round % 3 !== 0
    for (let i = 0; i < 200; i++) writer.push(record(`/${i}`))
    await new Promise((resolve) => setImmediate(resolve))
    const { pushed, written, dropped, buffered } = writer.counters()
    expect({ pushed, buffered: buffered >= 0 }).toEqual({ pushed: written + dropped + buffered, buffered: true })
  }
  store.away = false
  await writer.close(1000)
  expect(writer.counters()).toMatchObject({ pushed: 8000, buffered: 0 })
  expect(writer.bufferedBytes).toBe(0)
})

test('ends within its deadline when the store gives no answer', async () => {
  const store = new Store()
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
  store.append = () => answered
  const writer = createWriter(store)
  writer.push(record('/'))
  const begun = performance.now()
  await writer.close(200)
  expect(performance.now() - begun).toBeLessThan(2000)
  answer()
  await answered
  await new Promise((resolve) => setImmediate(resolve))
  expect(writer.counters()).toEqual({ pushed: 1, written: 0, dropped: 1, buffered: 0 })
})

describe('a trouble that lasts', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('is logged once per interval, and its end once', async () => {
    const store = new Store()
    store.away = true
    const writer = createWriter(store)
    writer.push(record('/'))
    await vi.advanceTimersByTimeAsync(9_000)
    expect(store.calls).toBeGreaterThan(5)
    expect(linesWith('Error trying to append')).toBe(1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(linesWith('Error trying to append')).toBeGreaterThanOrEqual(5)
    expect(linesWith('Error trying to append')).toBeLessThanOrEqual(7)
    store.away = false
    await vi.advanceTimersByTimeAsync(6_000)
    expect(linesWith('Analytics records are written again')).toBe(1)
    expect(store.records).toHaveLength(1)
  })

  test('is not logged anew each time it comes and goes', async () => {
    const store = new Store()
    const writer = createWriter(store)
    for (let i = 0; i < 30; i++) {
      store.away = i % 2 === 0
      writer.push(record('/'))
      await vi.advanceTimersByTimeAsync(250)
    }
    expect(store.records.length).toBeGreaterThan(25)
    expect(lines.length).toBeLessThanOrEqual(2)
    const closed = writer.close(1000)
    await vi.advanceTimersByTimeAsync(1000)
    await closed
  })
})
