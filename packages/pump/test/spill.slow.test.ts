import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { analyticsKey } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startProgram } from '../../../test/support/process.ts'
import { createRandom } from '../../../test/support/random.ts'
import { startRedis } from '../../../test/support/redis.ts'
import { elements, paths, runPump } from './support/run-pump.ts'
import { createTestSink } from './support/test-sink.ts'

const SEED = Number(process.env['TEK_SEED'] ?? 20_261_128)
const ROUNDS = Number(process.env['TEK_ROUNDS'] ?? 30)

const script = fileURLToPath(new URL('support/spilling-pump.ts', import.meta.url))

it(
  `two pumps that share a folder, killed ${ROUNDS} times at random instants, lose nothing (seed ${SEED})`,
  async () => {
    const random = createRandom(SEED)
    const folder = await mkdtemp(join(tmpdir(), 'tek-spill-'))
    const file = `${folder}.delivered`
    await using server = await startRedis()
    const client = new Redis(server.port, { protocol: 2 })
    const start = () =>
      startProgram(process.execPath, ['--conditions=source', script, `${server.port}`, file, folder, 'seldom'])
    const pumps = [start(), start()]
    let pushed = 0
    for (let round = 0; round < ROUNDS; round++) {
      const until = Date.now() + 400 + random.integer(1500)
      while (Date.now() < until) {
        await client.rpush(analyticsKey('msgpack', random.integer(10)), ...elements(20, pushed))
        pushed += 20
        await delay(random.integer(60))
      }
      const victim = random.integer(2)
      pumps[victim]?.kill('SIGKILL')
      await pumps[victim]?.exited()
      pumps[victim] = start()
    }
    for (const pump of pumps) {
      pump.kill('SIGKILL')
      await pump.exited()
    }
    const sink = createTestSink('a')
    await using running = await runPump({
      redisPort: server.port,
      sinks: [sink],
      conf: { lease_cap: { policy: 'spill', max_records: 400, spill_dir: folder } },
    })
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
    await eventually(
      () => {
        const sent = new Set([...lines, ...sink.delivered.map(({ id, record }) => `${id} ${record.path}`)])
        const there = new Set(Array.from(sent, (line) => line.slice(line.indexOf(' ') + 1)))
        const missing = paths(pushed).filter((path) => !there.has(path))
        expect(missing.length, `missing of ${pushed}: ${missing.slice(0, 5).join(' ')}`).toBe(0)
        expect(sent.size).toBe(pushed)
      },
      120_000,
      1000,
    )
    await eventually(async () => {
      expect((await readdir(folder)).filter((name) => name.endsWith('.segment'))).toEqual([])
      expect(await client.keys('*lease*')).toEqual([])
    })
    expect(running.log()).not.toMatch(/damaged|records are lost/)
    client.disconnect()
    await rm(folder, { recursive: true })
    await rm(file)
  },
  60_000 + ROUNDS * 5_000,
)
