import { analyticsKey } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { SinkUnavailableError } from '../src/errors.ts'
import { startFakeElasticsearch } from './support/fake-elasticsearch.ts'
import { runHere } from './support/run-command.ts'
import { elements, runPump } from './support/run-pump.ts'
import { createTestSink } from './support/test-sink.ts'

const key = analyticsKey('msgpack')

let server: RedisServer
let client: Redis
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, { protocol: 2 })
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await client.flushall()
})

type Scrape = ReadonlyMap<string, number>

/** By name with labels, e.g. `tyk_pump_records_taken{sink="ES"}`. */
async function scrape(port: number): Promise<Scrape> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

const STATES = ['delivered_total', 'filtered_total', 'dead_total', 'dropped_total', 'pending']

function balanceOf(found: Scrape, sink: string): { taken: number | undefined; accounted: number } {
  const accounted = STATES.reduce(
    (sum, state) => sum + (found.get(`tyk_pump_records_${state}{sink="${sink}"}`) ?? NaN),
    0,
  )
  return { taken: found.get(`tyk_pump_records_taken{sink="${sink}"}`), accounted }
}

describe('/metrics', () => {
  it('accounts for every record at every scrape, in the midst of work, refusals and failures', async () => {
    await using target = await startFakeElasticsearch()
    target.refuse('bad')
    const meta = { elasticsearch_url: target.url, bulk_config: { bulk_actions: 100 } }
    await using running = await runPump({
      redisPort: server.port,
      sinks: [],
      conf: {
        pumps: {
          es: { type: 'elasticsearch', meta, filters: { skip_api_ids: ['skip'] } },
          null: { type: 'dummy' },
        },
      },
    })
    const { healthPort } = running.pump
    const done = new AbortController()
    const load = (async () => {
      for (let part = 0; part < 40; part++) {
        const apiId = part % 8 === 3 ? 'bad' : part % 5 === 1 ? 'skip' : 'good'
        if (part % 10 === 5) target.next({ status: 503 }, { reset: true }, { status: 429 })
        await client.rpush(key, ...elements(100, part * 100, { apiId }), 'rubbish')
        await eventually(async () => expect(await client.exists(key)).toBe(0))
      }
      await eventually(() => {
        for (const sink of ['ES', 'NULL']) {
          expect(running.pump.status().sinks[sink]).toMatchObject({ taken: 4_040, pending: 0 })
        }
      }, 30_000)
      done.abort()
    })()
    let busy = 0
    while (!done.signal.aborted) {
      const found = await scrape(healthPort)
      for (const sink of ['ES', 'NULL']) {
        const { taken, accounted } = balanceOf(found, sink)
        expect(accounted).toBe(taken)
        expect(found.get(`tyk_pump_identity_ok{sink="${sink}"}`)).toBe(1)
      }
      const pending = found.get('tyk_pump_records_pending{sink="ES"}') ?? 0
      if (pending > 0 && pending < 4_040) busy += 1
    }
    await load
    expect(busy).toBeGreaterThan(5)
    const last = await scrape(healthPort)
    const { filtered, dead } = { filtered: 100 * 8, dead: 100 * 5 + 40 }
    expect(last.get('tyk_pump_records_filtered_total{sink="ES"}')).toBe(filtered - 100 * overlap())
    expect(last.get('tyk_pump_records_dead_total{sink="ES"}')).toBe(dead)
    expect(last.get('tyk_pump_records_delivered_total{sink="ES"}')).toBe(target.documents.length)
    expect(last.get('tyk_pump_batch_failures_total{sink="ES"}')).toBeGreaterThan(0)
    expect(last.get('tyk_pump_sink_state{sink="ES",state="ok"}')).toBe(1)
  }, 60_000)

  it('says what a sink that fails does, and how old the oldest record is', async () => {
    const sink = createTestSink('a')
    sink.answer = () => Promise.reject(new SinkUnavailableError('away'))
    await client.rpush(key, ...elements(5))
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    const { healthPort } = running.pump
    await eventually(async () => {
      const found = await scrape(healthPort)
      expect(found.get('tyk_pump_sink_state{sink="A",state="failing"}')).toBe(1)
      expect(found.get('tyk_pump_sink_state{sink="A",state="ok"}')).toBe(0)
      expect(found.get('tyk_pump_records_pending{sink="A"}')).toBe(5)
      expect(found.get('tyk_pump_last_error_age_seconds{sink="A"}')).toBeLessThan(30)
      expect(found.get('tyk_pump_oldest_unshipped_age_seconds{sink="A"}')).toBeCloseTo(Date.now() / 1000 - 1.79e9, -2)
      expect(found.get('tyk_pump_ready')).toBe(0)
      expect(found.get('tyk_pump_redis_up')).toBe(1)
      expect(found.get('tyk_pump_leases_held')).toBe(1)
      expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(1e7)
      expect(found.get('nodejs_eventloop_lag_p99_seconds')).toBeLessThan(5)
    })
  })

  it('balances after Redis was emptied under it', async () => {
    const sink = createTestSink('a')
    sink.answer = () => Promise.reject(new SinkUnavailableError('away'))
    await client.rpush(key, ...elements(5))
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(sink.batches.length).toBeGreaterThan(0))
    await client.flushall()
    sink.answer = (batch) => batch.map(() => 'delivered' as const)
    await eventually(async () => {
      const found = await scrape(running.pump.healthPort)
      expect(found.get('tyk_pump_records_pending{sink="A"}')).toBe(0)
      expect(balanceOf(found, 'A')).toEqual({ taken: 5, accounted: 5 })
      expect(found.get('tyk_pump_identity_ok{sink="A"}')).toBe(1)
    })
  })

  it('tells what other hands did to the dead letters', async () => {
    const sink = createTestSink('a')
    sink.answer = (batch) => batch.map(() => ({ rejected: 'no' }))
    await client.rpush(key, ...elements(3))
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    const letters = async (): Promise<unknown> => {
      const answer = await fetch(`http://127.0.0.1:${running.pump.healthPort}/ready`)
      return ((await answer.json()) as { dead_letters: unknown }).dead_letters
    }
    await eventually(async () => expect(await letters()).toBe(3))
    const conf = { analytics_storage_config: { host: '127.0.0.1', port: server.port }, pumps: { a: { type: 'dummy' } } }
    await runHere(['dead-letters', 'drop', '--all', '--yes'], conf)
    await eventually(async () => expect(await letters()).toBe(0))
    expect((await scrape(running.pump.healthPort)).get('tyk_pump_dead_letters')).toBe(0)
  })

  it('answers in time, without what it cannot know, when Redis hangs', async () => {
    await using own = await startRedis()
    await using running = await runPump({ redisPort: own.port, sinks: [createTestSink('a')] })
    await eventually(async () => {
      expect((await scrape(running.pump.healthPort)).get('tyk_pump_dead_letters')).toBe(0)
    })
    // It gives a command up after as long as the pump's own client does.
    const asking = new Redis(own.port, { protocol: 2, commandTimeout: 5_000 })
    await asking.ping()
    own.kill('SIGSTOP')
    try {
      await eventually(async () => {
        const waiting = asking.ping().then(
          () => null,
          () => null,
        )
        const found = await Promise.race([scrape(running.pump.healthPort), waiting])
        expect(found, 'it does not wait for Redis').not.toBeNull()
        expect(found?.has('tyk_pump_dead_letters')).toBe(false)
        expect(found?.get('tyk_pump_identity_ok{sink="A"}')).toBe(1)
      })
    } finally {
      own.kill('SIGCONT')
      asking.disconnect()
    }
  })
})

/** Parts that are of the refused API although their number says that they would be filtered. */
function overlap(): number {
  return Array.from({ length: 40 }, (_, part) => part).filter((part) => part % 8 === 3 && part % 5 === 1).length
}
