import http from 'node:http'
import { expect, test } from 'vitest'
import { startGateway } from '../support/gateway.ts'
import { redisSkipReason, startRedis } from '../support/redis.ts'
import { startUpstream } from '../support/upstream.ts'

const RELOADS = 100
const CONNECTIONS = 16

/** Requests one after the other on each connection until told to stop; counts what was not a plain success. */
async function load(url: string, stopped: () => boolean): Promise<{ requests: number; failures: string[] }> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const failures: string[] = []
  let requests = 0
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const request = http.get(url, { agent }, (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () => {
          if (response.statusCode !== 200 || body !== 'ok') failures.push(`${response.statusCode} ${body}`)
          resolve()
        })
        response.on('error', (err) => {
          failures.push(String(err))
          resolve()
        })
      })
      request.on('error', (err) => {
        failures.push(String(err))
        resolve()
      })
    })
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (!stopped()) {
        await one()
        requests++
      }
    }),
  )
  agent.destroy()
  return { requests, failures }
}

test.skipIf(redisSkipReason())(
  `${RELOADS} reloads under load fail or reset no request`,
  async () => {
    await using redis = await startRedis()
    await using upstream = await startUpstream((_, response) => response.end('ok'))
    const api = (version: number): unknown => ({
      name: `changes ${version}`,
      api_id: 'app',
      use_keyless: true,
      version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
      proxy: { listen_path: '/app/', target_url: upstream.url, strip_listen_path: true },
    })
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': api(0) } })
    let stopped = false
    const running = load(`${gateway.url}/app/x`, () => stopped)
    const startedMs = performance.now()
    for (let i = 1; i <= RELOADS; i++) {
      // Another definition each time, so that the chain and its connections are replaced.
      await gateway.writeApi('app.json', api(i))
      await gateway.reload()
    }
    const seconds = (performance.now() - startedMs) / 1000
    stopped = true
    const { requests, failures } = await running
    console.log(`${requests} requests, ${Math.round(requests / seconds)} per second, ${failures.length} failures`)
    expect(failures).toEqual([])
    expect(requests).toBeGreaterThan(RELOADS)
  },
  240_000,
)
