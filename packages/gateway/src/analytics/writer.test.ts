import { decodeRecord, emptyRecord, type AnalyticsRecord } from '@tek/analytics-record'
import { expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import type { Log } from '../log/log.ts'
import { AnalyticsWriter, type ListStore, type WriterOptions } from './writer.ts'

const errors: string[] = []
const log = { error: (_: object, message: string) => errors.push(message), info: () => {} } as unknown as Log

/** A store that can be told to fail, and keeps what it was given. */
class Store implements ListStore {
  away = false
  calls = 0
  readonly lists = new Map<string, AnalyticsRecord[]>()
  readonly ttls: (number | null)[] = []

  async append(key: string, elements: readonly Uint8Array[], ttlSeconds: number | null): Promise<void> {
    this.calls++
    if (this.away) throw new Error('away')
    this.ttls.push(ttlSeconds)
    this.lists.set(key, [...(this.lists.get(key) ?? []), ...elements.map((element) => decodeRecord(element))])
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
  errors.length = 0
  const writer = createWriter(store, { maxBufferedBytes: 600_000 })
  for (let i = 0; i < 3000; i++) writer.push(record(`/${i}`))
  await eventually(() => expect(writer.counters().dropped).toBeGreaterThan(0))
  store.away = false
  await writer.close(1000)
  const { pushed, written, dropped, buffered } = writer.counters()
  expect({ pushed, sum: written + dropped, buffered }).toEqual({ pushed: 3000, sum: 3000, buffered: 0 })
  expect(paths(store).at(-1)).toBe('/2999')
  expect(errors.filter((message) => message.startsWith('Analytics records dropped'))).toHaveLength(1)
})

test('says at its end what could not be written', async () => {
  const store = new Store()
  store.away = true
  errors.length = 0
  const writer = createWriter(store)
  writer.push(record('/lost'))
  await writer.close(50)
  expect(writer.counters()).toMatchObject({ written: 0, dropped: 1 })
  expect(errors.some((message) => message.startsWith('Analytics records lost'))).toBe(true)
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
