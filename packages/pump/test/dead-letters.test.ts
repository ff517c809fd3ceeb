import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { analyticsKey } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, freePort, startRedis } from '../../../test/support/redis.ts'
import {
  type DeadLetter,
  type DeadLetterStore,
  type Found,
  createFileStore,
  createRedisStore,
} from '../src/dead-letters/index.ts'
import { deadLetterKeys } from '../src/lease/index.ts'
import { elements, runPump } from './support/run-pump.ts'
import { createTestSink } from './support/test-sink.ts'

const never = new AbortController().signal
const key = analyticsKey('msgpack')
const source = { key, serialisation: 'msgpack' as const }
const keys = deadLetterKeys('analytics-')

let server: RedisServer
let client: Redis
let dir: string
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, { protocol: 2 })
  dir = await mkdtemp(join(tmpdir(), 'tek-dead-letters-'))
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})
beforeEach(() => client.flushall())

const bounds = { maxEntries: 10_000, maxBytes: 100_000_000 }
const redisStore = (limits = bounds): DeadLetterStore => createRedisStore({ client, keys, ...limits })
let files = 0
const newFile = (): string => join(dir, `letters-${files++}.ndjson`)

function letters(count: number, from = 0, changes: Partial<DeadLetter> = {}): DeadLetter[] {
  const common = { source, sink: 'ES', errorType: 'x_exception', index: 'tyk_analytics' }
  const reason = (i: number): string => `no ${String(from + i).padStart(5, '0')}`
  return elements(count, from).map((raw, i) => Object.assign({}, common, { reason: reason(i), raw }, changes))
}

/** In the order of the reasons, which number the letters. */
async function all(store: DeadLetterStore): Promise<Found[]> {
  const found: Found[] = []
  for await (const page of store.list()) found.push(...page)
  return found.toSorted((a, b) => a.head.reason.localeCompare(b.head.reason))
}

const rawsOf = async (store: DeadLetterStore): Promise<string[]> =>
  (await store.read(await all(store))).map((raw) => raw?.toString('base64') ?? '').toSorted()

const base64 = (list: readonly DeadLetter[]): string[] => list.map(({ raw }) => raw.toString('base64')).toSorted()

describe.each([
  ['the list in Redis', () => redisStore()],
  ['the file', () => createFileStore({ path: newFile(), maxBytes: bounds.maxBytes })],
])('%s', (_name, open) => {
  it('gives back what was put in, bytes and all', async () => {
    const store = open()
    expect(await all(store)).toEqual([])
    const [first] = letters(1, 0, { reason: 'a ","raw":"x" in the reason\nand a second line', index: null })
    const rubbish = { ...letters(1)[0], raw: Buffer.from([0, 255, 1]), sink: null, errorType: 'undecodable' }
    await store.push([first, rubbish] as DeadLetter[], never)
    const found = (await all(store)).toSorted((a, b) => a.head.rawBytes - b.head.rawBytes)
    expect(found.map(({ head }) => head)).toEqual([
      expect.objectContaining({ sink: null, recordTime: null, rawBytes: 3, errorType: 'undecodable' }),
      {
        id: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        source: key,
        sink: 'ES',
        errorType: 'x_exception',
        reason: 'a ","raw":"x" in the reason\nand a second line',
        index: null,
        recordTime: '2026-09-21T14:13:20.000Z',
        rawBytes: first?.raw.length,
      },
    ])
    expect(await store.read(found)).toEqual([Buffer.from([0, 255, 1]), first?.raw])
    await store.close()
  })

  it('keeps a letter once however often it is put in, and one per sink', async () => {
    const store = open()
    const batch = letters(3)
    await store.push(batch, never)
    await store.push([...batch, ...letters(1, 0, { sink: 'CSV' })], never)
    expect(await store.count()).toBe(4)
    expect(new Set((await all(store)).map(({ head }) => head.id)).size).toBe(4)
    await store.close()
  })

  it('removes exactly those it is told to, and says how many were there', async () => {
    const store = open()
    const batch = letters(250)
    await store.push(batch, never)
    const found = await all(store)
    const gone = found.filter((_, i) => i % 3 === 0)
    expect(await store.remove(gone, 'dropped')).toBe(gone.length)
    expect(await store.remove(gone, 'dropped')).toBe(0)
    expect(await rawsOf(store)).toEqual(base64(batch.filter((_, i) => i % 3 !== 0)))
    expect(await store.read(gone.slice(0, 2))).toHaveLength(2)
    await store.push(batch.slice(0, 1), never)
    expect(await rawsOf(store)).toEqual(base64(batch.filter((_, i) => i % 3 !== 0 || i === 0)))
    await store.close()
  })
})

describe('the list in Redis', () => {
  it('drops the oldest beyond its entries, and beyond its bytes, and counts them', async () => {
    const store = redisStore({ ...bounds, maxEntries: 100 })
    await store.push(letters(90), never)
    expect(await store.push(letters(30, 90), never)).toEqual({ size: 100, evicted: 20 })
    expect(await rawsOf(store)).toEqual(base64(letters(100, 20)))
    expect(await store.evicted()).toBe(20)
    const bytes = Number(await client.hget(keys.counts, 'bytes'))
    const { size, evicted } = await redisStore({ maxEntries: 1000, maxBytes: bytes }).push(letters(5, 200), never)
    expect(evicted).toBeGreaterThanOrEqual(5)
    const sizes = (await client.lrange(keys.list, 0, -1)).map((text) => text.length)
    expect(sizes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(bytes)
    expect([size, await client.scard(keys.ids)]).toEqual([sizes.length, sizes.length])
  })

  it('finds letters again that have moved because others were evicted or removed', async () => {
    const store = redisStore({ ...bounds, maxEntries: 100 })
    await store.push(letters(100), never)
    const found = await all(store)
    await store.push(letters(40, 100), never)
    const kept = found.slice(40)
    expect(await store.read(kept)).toEqual(letters(60, 40).map(({ raw }) => raw))
    expect(await store.read(found.slice(39, 40))).toEqual([null])
    await store.remove(kept.slice(0, 30), 'dropped')
    expect(await store.remove(kept.slice(20), 'replayed')).toBe(30)
    expect(await rawsOf(store)).toEqual(base64(letters(40, 100)))
    expect(await client.hgetall(keys.counts)).toMatchObject({ dropped: '30', replayed: '30', evicted: '40' })
    expect(Number(await client.hget(keys.counts, 'bytes'))).toBe(
      (await client.lrange(keys.list, 0, -1)).reduce((sum, text) => sum + text.length, 0),
    )
  })

  it('lists each letter although the oldest are evicted while it is read', async () => {
    const store = redisStore({ ...bounds, maxEntries: 500 })
    await store.push(letters(500), never)
    const seen = new Set<string>()
    let pages = 0
    for await (const page of store.list()) {
      for (const { head } of page) seen.add(head.id)
      if (pages++ === 1) await store.push(letters(50, 500), never)
    }
    const left = new Set((await all(store)).slice(0, 450).map(({ head }) => head.id))
    expect([...left].filter((id) => !seen.has(id))).toEqual([])
  })

  it('believes the list and not the set of ids, when somebody has taken letters out by hand', async () => {
    const store = redisStore()
    await store.push(letters(3), never)
    await client.lpop(keys.list)
    await store.push(letters(3), never)
    expect(await rawsOf(store)).toEqual(base64(letters(3)))
    await client.del(keys.list)
    await store.push(letters(1), never)
    expect(await store.count()).toBe(1)
  })

  it('shows letters of the first release, which had no ids, and removes them', async () => {
    const [raw] = elements(1)
    const old = { time: '2026-01-01T00:00:00.000Z', source: key, sink: 'ES', reason: 'r', raw: raw?.toString('base64') }
    await client.rpush(keys.list, 'rubbish', JSON.stringify(old))
    const store = redisStore()
    const found = await all(store)
    expect(found.map(({ head }) => [head.id, head.reason])).toEqual([['', 'r']])
    expect(await store.read(found)).toEqual([raw])
    expect(await store.remove(found, 'dropped')).toBe(1)
    expect(await client.lrange(keys.list, 0, -1)).toEqual(['rubbish'])
  })

  it('takes letters although Redis is out of memory', async () => {
    await client.config('SET', 'maxmemory', '1')
    try {
      await expect(client.set('x', 'y')).rejects.toThrow(/OOM/)
      await redisStore().push(letters(1), never)
    } finally {
      await client.config('SET', 'maxmemory', '0')
    }
    expect(await redisStore().count()).toBe(1)
  })
})

describe('the file', () => {
  it('gives up the older half when it is full, and counts what that cost', async () => {
    const path = newFile()
    const size = (letters(1)[0]?.raw.length ?? 0) * 2
    const store = createFileStore({ path, maxBytes: size * 40 })
    const evicted: number[] = []
    for (let i = 0; i < 100; i++) evicted.push((await store.push(letters(1, i), never)).evicted)
    const lost = evicted.reduce((sum, count) => sum + count, 0)
    expect(lost).toBeGreaterThan(0)
    expect(await rawsOf(store)).toEqual(base64(letters(100 - lost, lost)))
    expect((await stat(path)).size + (await stat(`${path}.1`)).size).toBeLessThanOrEqual(size * 40)
  })

  it('counts no letter as lost that was removed before', async () => {
    const path = newFile()
    const store = createFileStore({ path, maxBytes: 20_000 })
    const push = (i: number) => store.push(letters(1, i), never)
    let i = 0
    while ((await stat(`${path}.1`).catch(() => null)) === null) await push(i++)
    await store.remove(await all(store), 'dropped')
    let evicted = 0
    const before = (await stat(`${path}.1`)).ino
    while ((await stat(`${path}.1`)).ino === before) evicted += (await push(i++)).evicted
    expect(evicted).toBe(0)
  })

  it('goes on with a new line after one that was torn, and passes by what is no letter', async () => {
    const path = newFile()
    await writeFile(path, '{"id":"abc","time":"2026-01-01T00:00:00.000Z","sou')
    const store = createFileStore({ path, maxBytes: bounds.maxBytes })
    await store.push(letters(1), never)
    expect(await rawsOf(store)).toEqual(base64(letters(1)))
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(3)
  })

  it('may be written by a pump while a command takes letters out', async () => {
    const path = newFile()
    const pump = createFileStore({ path, maxBytes: bounds.maxBytes })
    const command = createFileStore({ path, maxBytes: bounds.maxBytes })
    await pump.push(letters(50), never)
    const found = await all(command)
    await Promise.all([
      command.remove(found, 'replayed'),
      ...Array.from({ length: 20 }, (_, i) => pump.push(letters(1, 50 + i), never)),
    ])
    expect(await rawsOf(pump)).toEqual(base64(letters(20, 50)))
  })
})

describe('a pump', () => {
  const refusing = () => {
    const sink = createTestSink('a')
    sink.answer = (batch) => batch.map(() => ({ rejected: 'no', errorType: 'x_exception', index: 'i' }))
    return sink
  }

  it('keeps dead letters in the file of its configuration', async () => {
    const path = newFile()
    await client.rpush(key, ...elements(3))
    await using running = await runPump({
      redisPort: server.port,
      sinks: [refusing()],
      conf: { dead_letters: { destination: 'file', file: path } },
    })
    await eventually(() => expect(running.pump.status().sinks['A']).toMatchObject({ dead_lettered: 3, pending: 0 }))
    const store = createFileStore({ path, maxBytes: bounds.maxBytes })
    expect(await rawsOf(store)).toEqual(base64(letters(3)))
    expect((await all(store))[0]?.head).toMatchObject({ sink: 'A', errorType: 'x_exception', index: 'i', source: key })
    expect(await client.exists(keys.list)).toBe(0)
  })

  it('keeps them in Redis when the file cannot be written, says so, and loses none', async () => {
    const folder = newFile()
    await writeFile(folder, 'in the way')
    await client.rpush(key, ...elements(3))
    await using running = await runPump({
      redisPort: server.port,
      sinks: [refusing()],
      conf: { dead_letters: { destination: 'file', file: join(folder, 'letters') } },
    })
    await eventually(() => expect(running.pump.status().sinks['A']).toMatchObject({ dead_lettered: 3, pending: 0 }))
    expect(await rawsOf(redisStore())).toEqual(base64(letters(3)))
    await eventually(() =>
      expect(running.log()).toMatch(
        /level=error message="dead letters cannot be kept as configured".*instead="the Redis/,
      ),
    )
  })

  it('keeps them in Redis when Elasticsearch is away, without holding up anything', async () => {
    await client.rpush(key, 'rubbish', ...elements(3))
    const es = { type: 'elasticsearch', meta: { elasticsearch_url: `http://127.0.0.1:${await freePort()}` } }
    const sink = createTestSink('a')
    await using running = await runPump({
      redisPort: server.port,
      sinks: [sink],
      conf: { pumps: { a: { type: 'a' }, es }, dead_letters: { destination: 'elasticsearch' } },
    })
    await eventually(() => expect(running.pump.status().sinks['A']).toMatchObject({ delivered: 3, dead_lettered: 1 }))
    expect((await all(redisStore()))[0]?.head).toMatchObject({ sink: null, errorType: 'undecodable', source: key })
  })

  it.each([
    [
      { destination: 'elasticsearch' },
      'dead_letters.destination (TYK_PMP_DEADLETTERS_DESTINATION): "elasticsearch" needs',
    ],
    [
      { destination: 'elasticsearch', sink: 'es' },
      'dead_letters.sink (TYK_PMP_DEADLETTERS_SINK): expected a sink of type',
    ],
    [{ destination: 'nowhere' }, 'dead_letters.destination (TYK_PMP_DEADLETTERS_DESTINATION): expected'],
  ])('does not start with %j', async (deadLetters, message) => {
    const starting = runPump({ redisPort: server.port, sinks: [refusing()], conf: { dead_letters: deadLetters } })
    await expect(starting).rejects.toThrow(message)
  })
})
