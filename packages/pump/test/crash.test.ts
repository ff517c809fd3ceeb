import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { analyticsKey } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type Program, startProgram } from '../../../test/support/process.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { elements, paths, runPump } from './support/run-pump.ts'
import { createTestSink } from './support/test-sink.ts'

const key = analyticsKey('msgpack')
const RECORDS = 2_000

let server: RedisServer
let client: Redis
let dir: string
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, { protocol: 2 })
  dir = await mkdtemp(join(tmpdir(), 'tek-crash-'))
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})
beforeEach(async () => {
  await client.flushall()
})

function startCrashingPump(file: string): Program {
  const script = fileURLToPath(new URL('./support/crashing-pump.ts', import.meta.url))
  return startProgram(process.execPath, ['--conditions=source', script, String(server.port), file])
}

const linesOf = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')

/** `<id> <path>` */
const pathIn = (line: string): string => line.slice(line.indexOf(' ') + 1)

describe('a pump that is killed', () => {
  it('loses nothing: the next pump goes on where the last commit left off, with the same ids', async () => {
    const file = join(dir, 'killed')
    await client.rpush(key, ...elements(RECORDS))
    await using program = startCrashingPump(file)
    await eventually(async () => expect((await linesOf(file)).length).toBeGreaterThan(200), 20_000)
    program.kill('SIGKILL')
    await program.exited()
    const before = await linesOf(file)
    expect(before.length).toBeLessThan(RECORDS)
    expect(await client.exists(key)).toBe(0)

    const sink = createTestSink('a')
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]), 15_000)
    const sent = [...before, ...sink.delivered.map(({ id, record }) => `${id} ${record.path}`)]
    const unique = new Set(sent)
    expect([...unique].map(pathIn).toSorted()).toEqual(paths(RECORDS).toSorted())
    // It did not begin anew either: at most what was in flight came twice.
    expect(sent.length - unique.size).toBeLessThan(500)
    await eventually(() => expect(running.log()).toContain('leases recovered'))
  })

  it('loses nothing when it only slept: the lease it lost is delivered by the other one alone', async () => {
    const file = join(dir, 'slept')
    await client.rpush(key, ...elements(RECORDS))
    await using program = startCrashingPump(file)
    await eventually(async () => expect((await linesOf(file)).length).toBeGreaterThan(200), 20_000)
    program.kill('SIGSTOP')

    const sink = createTestSink('a')
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]), 15_000)
    program.kill('SIGCONT')
    await client.rpush(key, ...elements(10, RECORDS))
    await eventually(async () => {
      const sent = [...(await linesOf(file)), ...sink.delivered.map(({ id, record }) => `${id} ${record.path}`)]
      const unique = new Set(sent.map(pathIn))
      expect([...unique].toSorted()).toEqual(paths(RECORDS + 10).toSorted())
    })
  })
})

describe('several pumps on one Redis', () => {
  it('share the records: each goes to exactly one of them', async () => {
    const one = createTestSink('a')
    const two = createTestSink('a')
    await using first = await runPump({ redisPort: server.port, sinks: [one] })
    await using second = await runPump({ redisPort: server.port, sinks: [two] })
    for (let i = 0; i < 20; i++) await client.rpush(analyticsKey('msgpack', i % 10), ...elements(50, i * 50))
    await eventually(() => {
      expect([...one.paths(), ...two.paths()].toSorted()).toEqual(paths(1000).toSorted())
    })
    expect(first.log() + second.log()).not.toContain('lease lost')
  })
})

describe('lost bookkeeping', () => {
  it('does not matter: the list of a lease is found by its name', async () => {
    const raws = elements(3)
    await client.rpush(`{${key}}:lease:orphan`, ...raws)
    const sink = createTestSink('a')
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(async () => {
      expect(sink.paths()).toEqual(paths(3))
      expect(await client.keys('*lease*')).toEqual([])
    })
  })
})
