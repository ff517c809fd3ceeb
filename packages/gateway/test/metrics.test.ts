/** `/metrics` of the gateway. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway, type GatewayOptions } from '../../../test/support/gateway.ts'
import { freePort, redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { apiAt } from './support/api.ts'
import { openConnection } from './support/connection.ts'
import { recordsOf, scrape, type RecordsOf } from './support/metrics.ts'
import { childrenOf, procSkipReason } from './support/worker-processes.ts'

vi.setConfig({ testTimeout: 120_000 })

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream((request, response) => {
    response.statusCode = Number(request.url?.slice(1)) || 200
    response.end('ok')
  })
})
afterAll(() => upstream.close())

const start = ({ conf, ...options }: GatewayOptions = {}): Promise<Gateway> =>
  startGateway({
    apis: { 'app.json': apiAt('app', upstream.url) },
    conf: { enable_metrics: true, ...conf },
    ...options,
  })

const sumOf = ({ written, dropped, buffered }: RecordsOf): number => written + dropped + buffered

test('is not there unless it is switched on', async () => {
  await using gateway = await start({ conf: { enable_metrics: false } })
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(404)
})

test('a gateway without Redis says so, and what it keeps meanwhile', async () => {
  await using gateway = await start()
  for (const status of [200, 204, 404, 404, 500]) await fetch(`${gateway.url}/app/${status}`)
  await eventually(async () => {
    const values = await scrape(gateway.url)
    expect(values.get('tyk_gateway_redis_up')).toBe(0)
    expect(recordsOf(values)).toEqual({ pushed: 5, written: 0, dropped: 0, buffered: 5 })
    expect(values.get('tyk_gateway_records_buffered_bytes')).toBeGreaterThan(5 * 100)
    expect(values.get('tyk_gateway_requests_total{api_id="app",code="2xx"}')).toBe(2)
    expect(values.get('tyk_gateway_requests_total{api_id="app",code="4xx"}')).toBe(2)
    expect(values.get('tyk_gateway_requests_total{api_id="app",code="5xx"}')).toBe(1)
  })
})

test('is answered in the form of Prometheus, to GET alone and without the secret', async () => {
  await using gateway = await start()
  const response = await fetch(`${gateway.url}/metrics?x=1`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect((await fetch(`${gateway.url}/metrics`, { method: 'POST' })).status).toBe(405)
  const values = await scrape(gateway.url)
  expect(values.get('tyk_gateway_processes')).toBe(1)
  expect(values.get('tyk_gateway_apis_loaded')).toBe(1)
  expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(1e7)
  expect(values.get('nodejs_eventloop_lag_max_seconds')).toBeGreaterThanOrEqual(0)
})

test('counts reloads and the APIs that are served, and forgets those that are gone', async () => {
  await using gateway = await start()
  await fetch(`${gateway.url}/app/200`)
  await gateway.writeApi('second.json', apiAt('second', upstream.url))
  await gateway.reload()
  await fetch(`${gateway.url}/second/200`)
  const first = await scrape(gateway.url)
  expect(first.get('tyk_gateway_apis_loaded')).toBe(2)
  expect(first.get('tyk_gateway_reloads_total{result="done"}')).toBe(1)
  expect(first.get('tyk_gateway_requests_total{api_id="second",code="2xx"}')).toBe(1)
  await rm(join(gateway.dir, 'apps', 'second.json'))
  await gateway.reload()
  const second = await scrape(gateway.url)
  expect(second.get('tyk_gateway_apis_loaded')).toBe(1)
  expect(second.get('tyk_gateway_reloads_total{result="done"}')).toBe(2)
  expect(second.has('tyk_gateway_requests_total{api_id="second",code="2xx"}')).toBe(false)
  expect(second.get('tyk_gateway_requests_total{api_id="app",code="2xx"}')).toBe(1)
})

test('is on the control port alone when there is one', async () => {
  const port = await freePort()
  await using gateway = await start({ conf: { control_api_port: port } })
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(404)
  expect((await scrape(`http://127.0.0.1:${port}`)).get('tyk_gateway_apis_loaded')).toBe(1)
})

describe.skipIf(redisSkipReason() ?? procSkipReason())('with several workers', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  test('every answer is about all of them, adds up, and never goes back when one is killed', async () => {
    await using gateway = await start({ redisPort: redis.port, conf: { workers: 2 } })
    await eventually(async () => expect((await fetch(`${gateway.url}/ready`)).status).toBe(200), 30_000)
    const stopped = new AbortController()
    let answered = 0
    const clients = Array.from({ length: 8 }, async () => {
      while (!stopped.signal.aborted) {
        using connection = openConnection(gateway.port)
        // Connections of a worker that is killed are cut.
        for (let i = 0; i < 50 && !stopped.signal.aborted; i++) {
          const status = await connection.get('/app/200').then(
            (answer) => answer.status,
            () => 0,
          )
          if (status === 0) break
          answered++
        }
      }
    })
    let last: RecordsOf = { pushed: 0, written: 0, dropped: 0, buffered: 0 }
    const look = async (): Promise<RecordsOf> => {
      const values = await scrape(gateway.url).catch(() => null)
      // The scrape itself may have met the one that was killed.
      if (values === null) return last
      const records = recordsOf(values)
      expect(sumOf(records)).toBe(records.pushed)
      for (const name of ['pushed', 'written', 'dropped'] as const) {
        expect(records[name]).toBeGreaterThanOrEqual(last[name])
      }
      last = records
      return records
    }
    await eventually(async () => expect((await look()).written).toBeGreaterThan(500))
    // Each has told what it counted so far.
    const before = last.pushed
    await eventually(async () => expect((await look()).pushed).toBeGreaterThan(before + 1000))
    const [victim] = childrenOf(gateway.program.pid)
    if (victim === undefined) throw new Error('there is no worker')
    process.kill(victim, 'SIGKILL')
    await eventually(async () => {
      await look()
      const values = await scrape(gateway.url)
      expect(values.get('tyk_gateway_processes_lost_total')).toBe(1)
      expect(values.get('tyk_gateway_processes')).toBe(2)
    }, 30_000)
    const after = last.pushed
    await eventually(async () => expect((await look()).pushed).toBeGreaterThan(after + 500))
    stopped.abort()
    await Promise.all(clients)
    await eventually(async () => expect((await look()).buffered).toBe(0))
    // A second of the killed worker's records at most is not in it.
    expect(last.pushed).toBeGreaterThan(answered / 2)
    expect(last.pushed).toBeLessThanOrEqual(answered + clients.length)
    const requests = (await scrape(gateway.url)).get('tyk_gateway_requests_total{api_id="app",code="2xx"}')
    expect(requests).toBe(last.pushed)
  })
})
