import { describe, expect, it } from 'vitest'
import { startHealthServer } from './server.ts'
import type { PumpStatus } from './status.ts'

const status = (ready: boolean): PumpStatus => ({
  ready,
  redis: { status: 'up', last_error: null },
  leases: 0,
  dead_letters: null,
  waiting_for_sinks_not_configured: {},
  sinks: {},
})

const serve = (ready: boolean, more: { name?: string; address?: string } = {}) =>
  startHealthServer({
    name: 'health',
    address: '',
    port: 0,
    status: () => Promise.resolve(status(ready)),
    metrics: () => Promise.resolve('up 1\n'),
    ...more,
  })

describe('the health server', () => {
  it.each([
    ['GET', '/health', 200, 'application/json', '{"status": "ok"}'],
    ['HEAD', '/health', 405, null, ''],
    ['POST', '/health', 405, null, ''],
    ['POST', '/metrics', 405, null, ''],
    ['GET', '/', 404, 'text/plain; charset=utf-8', '404 page not found\n'],
    ['GET', '/health/x', 404, 'text/plain; charset=utf-8', '404 page not found\n'],
  ])('answers %s %s with %i', async (method, path, code, type, body) => {
    const server = await serve(true)
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([code, type, body])
    await server.close()
  })

  it('listens on the one address that was chosen', async () => {
    const server = await serve(true, { address: '127.0.0.1' })
    expect((await fetch(`http://127.0.0.1:${server.port}/health`)).status).toBe(200)
    await expect(fetch(`http://127.0.0.2:${server.port}/health`)).rejects.toThrow('fetch failed')
    await server.close()
  })

  it('names the key of an address that is not of this machine', async () => {
    const started = serve(true, { address: '192.0.2.1' })
    await expect(started).rejects.toThrow('health_check_endpoint_address (TYK_PMP_HEALTHCHECKENDPOINTADDRESS)')
  })

  it('serves metrics as Prometheus reads them', async () => {
    const server = await serve(false)
    const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`)
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'up 1\n',
    ])
    await server.close()
  })

  it('serves the check under another name', async () => {
    const server = await serve(true, { name: 'alive' })
    expect((await fetch(`http://127.0.0.1:${server.port}/alive`)).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${server.port}/health`)).status).toBe(404)
    await server.close()
  })

  it.each([
    [true, 200],
    [false, 503],
  ])('says at /ready whether records arrive (%s: %i)', async (ready, code) => {
    const server = await serve(ready)
    const answer = await fetch(`http://127.0.0.1:${server.port}/ready`)
    expect(answer.status).toBe(code)
    expect(await answer.json()).toEqual(status(ready))
    await server.close()
  })
})
