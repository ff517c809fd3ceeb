import { describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startUpstream } from '../../../test/support/upstream.ts'
import type * as Api from '../src/api/schema.ts'
import { createSampleTraffic } from '../src/traffic/index.ts'
import { startExplorer } from './support/explorer.ts'
import { scriptedStore } from './support/scripted-store.ts'

const START = { method: 'POST', body: '{"running":true}', headers: { 'content-type': 'application/json' } }
const STOP = { ...START, body: '{"running":false}' }

describe('sample traffic', () => {
  it('starts and stops from the page, through the gateway, with the token where it belongs', async () => {
    const seen: { path: string; token: string | undefined }[] = []
    await using gateway = await startUpstream((request, response) => {
      seen.push({ path: request.url ?? '', token: request.headers.authorization })
      response.end('ok')
    })
    await using explorer = await startExplorer({
      store: scriptedStore(),
      env: {
        TEK_EXPLORER_TRAFFIC: 'true',
        TEK_EXPLORER_TRAFFIC_TOKEN: 'of the article',
        TEK_EXPLORER_GATEWAY_URL: gateway.url,
      },
    })
    expect(await explorer.json('/api/v1/traffic', START)).toEqual({ available: true, running: true })
    expect((await explorer.json<Api.About>('/api/v1/about')).traffic).toEqual({ available: true, running: true })
    await eventually(() => expect(seen.length).toBeGreaterThanOrEqual(5))
    expect(seen.every(({ path }) => path.startsWith('/httpbin'))).toBe(true)
    expect(seen.every(({ path, token }) => token === undefined || path === '/httpbin-jwt/get')).toBe(true)
    expect(await explorer.json('/api/v1/traffic', STOP)).toEqual({ available: true, running: false })
  })

  it('stops by itself', async () => {
    await using gateway = await startUpstream((_, response) => void response.end('ok'))
    const traffic = createSampleTraffic({ gatewayUrl: gateway.url, token: '', lastsMs: 50 })
    traffic.start()
    expect(traffic.running).toBe(true)
    await eventually(() => expect(traffic.running).toBe(false))
  })

  it('goes on when nobody answers', async () => {
    let attempts = 0
    await using gateway = await startUpstream((request) => {
      attempts += 1
      request.socket.resetAndDestroy()
    })
    const traffic = createSampleTraffic({ gatewayUrl: gateway.url, token: '', random: () => 0.01 })
    traffic.start()
    await eventually(() => expect(attempts).toBeGreaterThanOrEqual(3))
    expect(traffic.running).toBe(true)
    traffic.close()
    expect(traffic.running).toBe(false)
  })

  it('is not there unless it is switched on', async () => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const answer = await explorer.get('/api/v1/traffic', START)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({
      code: 'not_found',
      cure: expect.stringContaining('TEK_EXPLORER_TRAFFIC'),
    })
  })

  it.each<[string, RequestInit, number]>([
    ['the page itself', {}, 200],
    [
      'a page of another origin',
      { headers: { 'content-type': 'application/json', origin: 'http://evil.example' } },
      403,
    ],
    ['a page without an origin', { headers: { 'content-type': 'application/json', origin: 'null' } }, 403],
    ['a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['a form with text', { headers: { 'content-type': 'text/plain' } }, 415],
    ['no JSON', { body: '{"running":' }, 400],
    ['another member', { body: '{"run":true}' }, 400],
    ['a word', { body: '{"running":"maybe"}' }, 400],
    ['a huge body', { body: JSON.stringify({ running: true, more: 'x'.repeat(20_000) }) }, 413],
  ])('%s is answered with %3$d', async (_, init, status) => {
    await using explorer = await startExplorer({
      store: scriptedStore(),
      env: { TEK_EXPLORER_TRAFFIC: '1', TEK_EXPLORER_GATEWAY_URL: 'http://127.0.0.1:1' },
    })
    const own = { ...START.headers, origin: explorer.url }
    const answer = await explorer.get('/api/v1/traffic', { ...START, headers: own, ...init })
    expect(answer.status).toBe(status)
  })
})
