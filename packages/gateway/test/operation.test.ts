/** What an operator can get wrong, and what must still work then. */
import { rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { freePort, redisSkipReason, startRedis } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'

const startOk = (): Promise<Upstream> => startUpstream((_, response) => response.end('ok'))
const status = async (url: string): Promise<number> => (await fetch(url)).status

function portIsOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

test('a bad configuration stops the start with all problems at once, before any port opens', async () => {
  await using gateway = await startGateway({
    unchecked: true,
    conf: { enable_analytics: 'yes', storage: { type: 'redis', port: '6379a' } },
    env: { TYK_GW_HASHKEYS: 'on', TYK_GW_LISTENPORT: '8080x' },
  })
  expect(await gateway.program.exited()).toBe(1)
  const output = gateway.program.output()
  for (const key of ['enable_analytics', 'storage.port', 'TYK_GW_HASHKEYS', 'TYK_GW_LISTENPORT'])
    expect(output).toContain(key)
  expect(await portIsOpen(gateway.port)).toBe(false)
})

test('a port in use is named, with what to do', async () => {
  await using upstream = await startOk()
  await using gateway = await startGateway({ unchecked: true, conf: { listen_port: upstream.port } })
  expect(await gateway.program.exited()).toBe(1)
  await gateway.program.waitForLine(new RegExp(`${upstream.port} is in use.*TYK_GW_LISTENPORT`))
})

describe('without Redis', () => {
  test('the gateway starts, serves keyless APIs, says so in /hello and /ready, and writes the records later', async () => {
    await using upstream = await startOk()
    const redisPort = await freePort()
    await using gateway = await startGateway({
      redisPort,
      apis: { 'app.json': keylessApi(upstream.url) },
      conf: { liveness_check: { check_duration: 100_000_000 } },
    })
    for (let i = 0; i < 5; i++) expect(await status(`${gateway.url}/app/x`)).toBe(200)
    await eventually(async () => {
      expect(await (await fetch(`${gateway.url}/hello`)).json()).toMatchObject({ status: 'fail' })
    })
    const ready = await fetch(`${gateway.url}/ready`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toEqual({ status: 'error', message: 'Redis connection not available' })

    if (redisSkipReason() !== undefined) return
    await using redis = await startRedis({ port: redisPort })
    let seen = 0
    await recordsUntil(redis.url, () => ++seen === 5)
    await eventually(async () => expect(await status(`${gateway.url}/ready`)).toBe(200))
  })
})

describe.skipIf(redisSkipReason())('one bad file', () => {
  async function started(
    apis: Record<string, unknown>,
    more: Parameters<typeof startGateway>[0] = {},
  ): Promise<Gateway & AsyncDisposable & { close(): Promise<void> }> {
    const redis = await startRedis()
    const gateway = await startGateway({ redisPort: redis.port, apis, ...more })
    const close = async (): Promise<void> => {
      await gateway.stop()
      await redis.stop()
    }
    return { ...gateway, close, [Symbol.asyncDispose]: close }
  }

  test('is skipped with file and reason, the others serve', async () => {
    await using upstream = await startOk()
    await using gateway = await started({
      'a-broken.json': '{ "name": ',
      'b-type.json': keylessApi(upstream.url, { api_id: 'b', use_keyless: 'true' }),
      'c-target.json': keylessApi('up:80', { api_id: 'c', proxy: { listen_path: '/c/' } }),
      'd-path.json': keylessApi(upstream.url, { api_id: 'd', proxy: { listen_path: '/{d' } }),
      'e-slash.json': keylessApi(upstream.url, { api_id: 'e', proxy: { listen_path: 'e/' } }),
      'good.json': keylessApi(upstream.url),
    })
    expect(await status(`${gateway.url}/app/x`)).toBe(200)
    const log = gateway.program.output()
    expect(log).toMatch(/a-broken\.json/)
    expect(log).toMatch(/b-type\.json.*|use_keyless: expected true or false/)
    expect(log).toContain('use_keyless: expected true or false')
    expect(log).toMatch(/API skipped.*c-target\.json.*proxy\.target_url: not a URL such as http/)
    expect(log).toMatch(/API skipped.*d-path\.json.*unbalanced braces/)
    expect(log).toMatch(/API skipped.*e-slash\.json.*does not begin with a slash/)
  })

  test('an API whose guard is not in force is never served', async () => {
    await using upstream = await startOk()
    const guards: Record<string, Record<string, unknown>> = {
      oauth: { use_keyless: false, use_oauth2: true },
      plugin: { use_keyless: false, custom_plugin_auth_enabled: true },
    }
    const apis = Object.entries(guards).map(
      ([id, changes]) =>
        [
          `${id}.json`,
          keylessApi(upstream.url, { ...changes, api_id: id, proxy: { listen_path: `/${id}/` } }),
        ] as const,
    )
    await using gateway = await started(Object.fromEntries(apis))
    for (const id of Object.keys(guards)) {
      expect(await status(`${gateway.url}/${id}/x`), id).toBe(404)
      await eventually(() => expect(gateway.program.output(), id).toMatch(new RegExp(`API skipped.*api_id=${id} `)))
    }
  })

  test('broken at a reload, an API stays in service in its last good form; repaired, it changes; removed, it goes', async () => {
    await using upstream = await startUpstream((request, response) => response.end(request.url))
    await using gateway = await started({ 'app.json': keylessApi(upstream.url) })
    const body = async (): Promise<string> => (await fetch(`${gateway.url}/app/x`)).text()
    await gateway.writeApi('app.json', '{ broken')
    await gateway.reload()
    expect(await body()).toBe('/x')
    await gateway.program.waitForLine(/last good version stays.*app\.json/)
    await gateway.writeApi('app.json', keylessApi(`${upstream.url}/base`))
    await gateway.reload()
    expect(await body()).toBe('/base/x')
    await rm(join(gateway.dir, 'apps', 'app.json'))
    await gateway.reload()
    expect(await body()).toBe('Not Found')
  })

  test('broken policies keep the policies and APIs loaded before', async () => {
    await using upstream = await startOk()
    await using gateway = await started({ 'app.json': keylessApi(upstream.url) })
    await writeFile(join(gateway.dir, 'policies', 'policies.json'), '{ broken')
    await gateway.reload()
    expect(await status(`${gateway.url}/app/x`)).toBe(200)
    await gateway.program.waitForLine(/reload: failed.*policies\.json/)
  })
})
