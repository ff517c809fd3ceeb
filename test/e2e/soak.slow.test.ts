/**
 * Every kind of request at half of the rate the gateway can do, with clients that leave, upstreams that break and
 * reloads: each request leaves the one record it is due, and nothing else stays behind.
 *
 * TEK_SOAK_SECONDS is how long (60), TEK_SOAK_SEED what decides (the time, printed).
 */
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createRandom } from '../support/random.ts'
import { readRecords } from '../support/read-records.ts'
import { redisSkipReason, startRedis } from '../support/redis.ts'
import { cpuSeconds, descriptorCount, rssMb } from '../support/usage.ts'
import { kinds } from './soak/kinds.ts'
import { createLedger } from './soak/ledger.ts'
import { createLoad } from './soak/load.ts'
import { unexpectedLines } from './soak/log.ts'
import { repeat } from './soak/repeat.ts'
import { startStage } from './soak/stage.ts'
import { startSoakUpstream } from './soak/upstream.ts'

const SECONDS = Number(process.env['TEK_SOAK_SECONDS'] ?? 60)
const SEED = Number(process.env['TEK_SOAK_SEED'] ?? Date.now() % 2 ** 32)
const RAMP = [8, 16, 32, 64]
const RAMP_SECONDS = 3

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

const part = <T>(values: readonly T[], from: number, to: number): T[] =>
  values.slice(Math.floor(values.length * from), Math.ceil(values.length * to))

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

/** Descriptors once as many as before, and some, are left; or those there are after a while. */
async function settledDescriptors(pid: number, before: number): Promise<number> {
  await eventually(() => expect(descriptorCount(pid)).toBeLessThan(before + 10), 30_000, 200).catch(() => {})
  return descriptorCount(pid)
}

test.skipIf(redisSkipReason() ?? process.platform !== 'linux')(
  'a soak at half of the highest rate leaves one record per request that is due one, and nothing else behind',
  async () => {
    const random = createRandom(SEED)
    console.log(`TEK_SOAK_SEED=${SEED} TEK_SOAK_SECONDS=${SECONDS}`)
    await using redis = await startRedis()
    await using upstream = await startSoakUpstream()
    await using stage = await startStage(redis, upstream)
    const { pid } = stage.gateway.program
    const ledger = createLedger(kinds)
    using load = createLoad({ port: stage.gateway.port, keys: stage.keys, kinds, ledger, random })
    const descriptorsBefore = descriptorCount(pid)
    await using records = repeat(200, async () => {
      for (const record of await readRecords(redis.url)) ledger.record(record)
    })

    let highest = 0
    for (const clients of RAMP) highest = Math.max(highest, await load.closedLoop(clients, RAMP_SECONDS))
    const memory: number[] = []
    let connections = 0
    const watch = repeat(500, async () => {
      memory.push(rssMb(pid))
      connections = Math.max(connections, upstream.connections())
    })
    const reloads = repeat(3000, () => stage.disturb(random))
    const cpuBefore = [cpuSeconds(pid), cpuSeconds(process.pid)] as const
    const rate = await load.openLoop(highest / 2, SECONDS)
    const cpu = percent((cpuSeconds(pid) - cpuBefore[0]) / SECONDS)
    const ownCpu = percent((cpuSeconds(process.pid) - cpuBefore[1]) / SECONDS)
    await reloads.stop()
    await watch.stop()
    await load.settle()
    await stage.renew()
    await eventually(() => expect(ledger.missing()).toBe(0), 30_000, 200).catch(() => {})
    const descriptors = await settledDescriptors(pid, descriptorsBefore)
    const idle = upstream.connections()
    // Whatever is still held becomes a record now, also one that nobody waits for.
    const exitCode = await stage.gateway.program.stop()
    await records.stop()

    const tenths = Array.from({ length: 10 }, (_, i) => mean(part(memory, i / 10, (i + 1) / 10)))
    const [third, last] = [mean(part(memory, 0.5, 0.75)), mean(part(memory, 0.75, 1))]
    console.log(ledger.table())
    console.log(
      `${highest.toFixed(0)} calls per second at most, ${rate.toFixed(0)} per second sent ` +
        `(${cpu} of a processor, ${ownCpu} for client and upstream, ${load.peak()} at a time at most); ` +
        `memory ${tenths.map((mb) => mb.toFixed(0)).join(' ')} MB, at most ${Math.max(...memory).toFixed(0)} MB; ` +
        `${connections} upstream connections at most, ${idle} left; descriptors ${descriptorsBefore} to ${descriptors}`,
    )
    expect([...load.failures()]).toEqual([])
    expect(ledger.problems()).toEqual([])
    expect(unexpectedLines(stage.gateway.program.output())).toEqual([])
    expect(exitCode).toBe(0)
    expect(descriptors).toBeLessThan(descriptorsBefore + 10)
    expect(idle).toBeLessThan(10)
    // A call has up to three requests, and connections are kept per API.
    expect(connections).toBeLessThan(3 * load.peak() + 100)
    expect(last - third).toBeLessThan(30)
  },
  (SECONDS + 180) * 1000,
)
