import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { AnalyticsRecord } from '@tek/analytics-record'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { mmdbFolder, mmdbSkipReason } from '../../../test/support/mmdb.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { readBody, startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'

const CAP = 2000
const PLAIN = JSON.stringify({ text: 'plain '.repeat(20) })

async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  response.sendDate = false
  const { pathname } = new URL(request.url ?? '/', 'http://upstream')
  if (pathname === '/packed') {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }).end(gzipSync(PLAIN))
  } else if (pathname === '/large') {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 100_000 }).end('l'.repeat(100_000))
  } else if (pathname === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: 1\n\n')
  } else if (pathname === '/hang') {
    response.writeHead(200, { 'Content-Type': 'text/plain' }).write('first')
  } else {
    const body = await readBody(request)
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': body.length }).end(body)
  }
}

describe.skipIf(redisSkipReason()).each(['direct', 'http-proxy'])('detailed recording on the %s lane', (transport) => {
  let redis: RedisServer
  let upstream: Upstream
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream(serve)
    gateway = await startGateway({
      redisPort: redis.port,
      conf: { http_server_options: { enable_websockets: true } },
      apis: {
        'app.json': keylessApi(upstream.url, { enable_detailed_recording: true }),
        'plain.json': keylessApi(upstream.url, { api_id: 'plain', proxy: { listen_path: '/plain/' } }),
        'keys.json': keylessApi(upstream.url, {
          api_id: 'keys',
          use_keyless: false,
          use_standard_auth: true,
          enable_detailed_recording: true,
          proxy: { listen_path: '/keys/' },
        }),
        'gone.json': keylessApi('http://127.0.0.1:1', {
          api_id: 'gone',
          enable_detailed_recording: true,
          proxy: { listen_path: '/gone/' },
        }),
      },
      env: {
        TYK_GW_UPSTREAMTRANSPORT: transport,
        TYK_GW_ANALYTICSCONFIG_MAXRECORDEDBODYBYTES: String(CAP),
        ...(mmdbSkipReason() === undefined && {
          TYK_GW_ANALYTICSCONFIG_ENABLEGEOIP: 'true',
          TYK_GW_ANALYTICSCONFIG_GEOIPDBLOCATION: join(mmdbFolder, 'GeoIP2-City-Test.mmdb'),
        }),
      },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
    await redis?.stop()
  })

  /** The record of the request to this path. */
  async function recordOf(path: string): Promise<AnalyticsRecord> {
    const isIt = (record: AnalyticsRecord): boolean => record.originalPath === path
    return (await recordsUntil(redis.url, isIt)).find(isIt) as AnalyticsRecord
  }
  const textOf = (base64: string): string => Buffer.from(base64, 'base64').toString('latin1')
  const bodyOf = (base64: string): string => textOf(base64).split('\r\n\r\n').slice(1).join('\r\n\r\n')

  test('a body is the same in the record, for the client and for the upstream', async () => {
    const body = 'body '.repeat(100)
    const answer = await fetch(`${gateway.url}/app/echo`, { method: 'PUT', body })
    expect(await answer.text()).toBe(body)
    const record = await recordOf('/app/echo')
    expect(bodyOf(record.rawRequest)).toBe(body)
    expect(bodyOf(record.rawResponse)).toBe(body)
  })

  test('the record of an API without it holds no messages', async () => {
    await fetch(`${gateway.url}/plain/echo`, { method: 'POST', body: 'b' })
    expect(await recordOf('/plain/echo')).toMatchObject({ rawRequest: '', rawResponse: '' })
  })

  test('beyond the limit the record holds the first bytes, while client and upstream get all', async () => {
    const body = 'u'.repeat(50_000)
    const echoed = await fetch(`${gateway.url}/app/upload`, { method: 'POST', body })
    expect(await echoed.text()).toBe(body)
    const record = await recordOf('/app/upload')
    expect(textOf(record.rawRequest)).toContain('\r\nContent-Length: 50000\r\n')
    expect(bodyOf(record.rawRequest)).toBe('u'.repeat(CAP))
    const large = await fetch(`${gateway.url}/app/large`)
    expect(await large.text()).toHaveLength(100_000)
    expect(bodyOf((await recordOf('/app/large')).rawResponse)).toBe('l'.repeat(CAP))
  })

  test('a compressed answer reaches the client as it is and the record in plain form', async () => {
    const answer = await fetch(`${gateway.url}/app/packed`)
    expect(await answer.text()).toBe(PLAIN)
    const { rawResponse } = await recordOf('/app/packed')
    expect(textOf(rawResponse)).toMatch(/^HTTP\/1\.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n/)
    expect(bodyOf(rawResponse)).toBe(PLAIN)
  })

  test('the client has the first byte before the answer is whole; what came until it left is recorded', async () => {
    const request = http.get(`${gateway.url}/app/hang`)
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    expect(String((await once(response, 'data'))[0])).toBe('first')
    request.destroy()
    expect(bodyOf((await recordOf('/app/hang')).rawResponse)).toBe('first')
  })

  test('an event stream has its request recorded, not its answer', async () => {
    await (await fetch(`${gateway.url}/app/events`)).text()
    const record = await recordOf('/app/events')
    expect(textOf(record.rawRequest)).toContain('GET /events HTTP/1.1')
    expect(record.rawResponse).toBe('')
  })

  test('a refused request is recorded with its whole body, its own path and the error', async () => {
    const answer = await fetch(`${gateway.url}/keys/x?y=1`, { method: 'POST', body: 'refused' })
    expect(answer.status).toBe(401)
    const record = await recordOf('/keys/x')
    expect(textOf(record.rawRequest)).toMatch(/^POST \/x\?y=1 HTTP\/1\.1\r\n/)
    expect(bodyOf(record.rawRequest)).toBe('refused')
    expect(textOf(record.rawResponse)).toBe(
      'HTTP/0.0 401 Unauthorized\r\nContent-Type: application/json\r\nX-Generator: tyk.io\r\n\r\n' +
        (await answer.text()),
    )
  })

  test('a request that could not be sent is recorded with its body', async () => {
    const send = await fetch(`${gateway.url}/gone/x`, { method: 'POST', body: 'unsent' })
    expect(send.status).toBe(500)
    expect(bodyOf((await recordOf('/gone/x')).rawRequest)).toBe('unsent')
  })

  test('a client that waits for 100 Continue and is refused does not hold the record up', async () => {
    const socket = net.connect(gateway.port, '127.0.0.1')
    socket.write('POST /keys/wait HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 401 /)
    expect(bodyOf((await recordOf('/keys/wait')).rawRequest)).toBe('')
    socket.destroy()
  })

  test('an upgrade is never recorded in detail', async () => {
    const socket = net.connect(gateway.port, '127.0.0.1')
    socket.write('GET /keys/socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 401 /)
    expect(await recordOf('/keys/socket')).toMatchObject({ rawRequest: '', rawResponse: '' })
    socket.destroy()
  })

  test.skipIf(mmdbSkipReason())('records have the place of the client', async () => {
    await fetch(`${gateway.url}/app/geo`, { headers: { 'X-Real-IP': '81.2.69.142' } })
    expect((await recordOf('/app/geo')).geo).toMatchObject({
      country: { isoCode: 'GB' },
      city: { geonameId: 2_643_743, names: { ru: 'Лондон' } },
      location: { timeZone: 'Europe/London' },
    })
  })
})
