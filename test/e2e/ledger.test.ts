/** The ledger of both real programs: every request is accounted for, and what is taken away from Redis is named. */
import { join } from 'node:path'
import { analyticsKey } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { cleanEnvironment, startService } from '../support/programs.ts'
import { type Pump, startPump } from '../support/pump.ts'
import { redisSkipReason, startRedis } from '../support/redis.ts'
import { startUpstream } from '../support/upstream.ts'

function api(id: string, targetUrl: string): object {
  return {
    name: id,
    api_id: id,
    org_id: 'org',
    active: true,
    use_keyless: true,
    proxy: { listen_path: `/${id}/`, target_url: targetUrl, strip_listen_path: true },
    version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
  }
}

async function send(gateway: Gateway, path: string, requests: number): Promise<void> {
  for (let i = 0; i < requests; i++) {
    const answer = await fetch(`${gateway.url}${path}`)
    await answer.body?.cancel()
  }
}

async function ledger({ dir }: Pump): Promise<{ code: unknown; rows: Record<string, unknown>[] }> {
  const args = ['ledger', '--json', '--conf', join(dir, 'pump.conf')]
  await using program = startService('pump', args, { cwd: dir, env: cleanEnvironment() })
  const code = await program.exited()
  const lines = program
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  return { code, rows: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

describe.skipIf(redisSkipReason())('the ledger', () => {
  test('accounts for every request, and names those that were taken away', async () => {
    await using redis = await startRedis()
    const client = new Redis(redis.port)
    await using upstream = await startUpstream((_, response) => void response.end('ok'))
    await using gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'first.json': api('first', upstream.url), 'second.json': api('second', upstream.url) },
      conf: { enable_analytics: true },
    })
    const only = { filters: { api_ids: ['first'] } }
    const pump = await startPump({
      redisPort: redis.port,
      pumps: { all: { type: 'dummy' }, some: { type: 'dummy', ...only } },
    })
    await send(gateway, '/first/x', 12)
    await send(gateway, '/second/x', 7)
    await eventually(async () => {
      const { code, rows } = await ledger(pump)
      expect(rows).toMatchObject([
        { sink: 'ALL', api: 'first', in: 12, delivered: 12 },
        { sink: 'ALL', api: 'second', in: 7, delivered: 7 },
        { sink: 'ALL', total: true, in: 19, delivered: 19, pending: 0, uncounted: 0, completeness: 100, missing: 0 },
        { sink: 'SOME', api: 'first', in: 12, delivered: 12 },
        { sink: 'SOME', api: 'second', in: 7, delivered: 0, filtered: 7 },
        { sink: 'SOME', total: true, in: 19, delivered: 12, filtered: 7, pending: 0, uncounted: 0, missing: 0 },
      ])
      expect(code).toBe(0)
    }, 30_000)

    pump.program.kill('SIGKILL')
    await pump.program.exited()
    await send(gateway, '/second/x', 5)
    await eventually(async () => expect(await client.llen(analyticsKey('msgpack'))).toBe(5))
    const waiting = await ledger(pump)
    expect(waiting.rows.at(-1)).toMatchObject({ sink: 'SOME', in: 24, pending: 5, waiting_in_lists: 5, missing: 0 })
    expect(waiting.code).toBe(0)

    // As when its TTL is over.
    await client.del(analyticsKey('msgpack'))
    const missing = await ledger(pump)
    expect(missing.rows.at(-1)).toMatchObject({ sink: 'SOME', in: 24, pending: 5, waiting_in_lists: 0, missing: 5 })
    expect(missing.code).toBe(2)
    await pump.stop()
    client.disconnect()
  }, 120_000)
})
