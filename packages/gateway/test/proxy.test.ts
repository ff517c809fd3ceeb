import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import type net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { rawRequest, startRawUpstream, type RawUpstream } from './support/raw-http.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok'
const ANSWERS: Record<string, string> = {
  '/sniff': 'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<html></html>\n',
  '/empty': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
}

function serve(socket: net.Socket, received: string): void {
  if (!received.endsWith('\r\n\r\n')) return
  const line = received.lastIndexOf(' HTTP/1.1')
  const name = Object.keys(ANSWERS).find((each) => received.slice(0, line).endsWith(each))
  socket.write(name === undefined ? OK : (ANSWERS[name] as string), 'latin1')
}

describe.skipIf(redisSkipReason()).each(['direct', 'http-proxy'])('an ordinary request on the %s lane', (transport) => {
  let redis: RedisServer
  let raw: RawUpstream
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    raw = await startRawUpstream(serve)
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'app.json': keylessApi(raw.url),
      },
      env: { TYK_GW_UPSTREAMTRANSPORT: transport },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await raw?.[Symbol.asyncDispose]()
    await redis?.stop()
  })

  const ask = (lines: string, path = '/app/x'): Promise<string> =>
    rawRequest(gateway.port, `GET ${path} HTTP/1.1\r\nHost: client.test\r\nConnection: close\r\n${lines}\r\n`)
  /** The last request that reached the upstream. */
  const seen = (): string => {
    const all = raw.received.join('')
    return all.slice(all.lastIndexOf(' HTTP/1.1\r\n') + ' HTTP/1.1\r\n'.length)
  }

  test('cannot use X-Tyk-Internal', async () => {
    await ask('X-Tyk-Internal: other\r\n')
    expect(seen()).not.toContain('X-Tyk-Internal')
  })

  test('gets a media type by its first bytes when the upstream names none; an empty body gets none', async () => {
    expect(await ask('', '/app/sniff')).toContain('\r\nContent-Type: text/html; charset=utf-8\r\n')
    expect(await ask('', '/app/empty')).not.toContain('Content-Type')
  })

  test('leaves one record with the upstream’s path and host', async () => {
    await ask('User-Agent: recorded\r\nX-Real-IP: 9.9.9.9\r\n', '/app/get?x=1')
    const records = await recordsUntil(redis.url, (record) => record.userAgent === 'recorded')
    expect(records.filter((record) => record.userAgent === 'recorded')).toHaveLength(1)
    expect(records.at(-1)).toMatchObject({
      method: 'GET',
      host: `127.0.0.1:${raw.port}`,
      path: '/get',
      rawPath: '/get',
      originalPath: '/app/get',
      listenPath: '/app/',
      responseCode: 200,
      apiId: 'app',
      orgId: 'default',
      apiKey: '00000000',
      apiVersion: 'Non Versioned',
      userAgent: 'recorded',
      ipAddress: '9.9.9.9',
      tags: ['key-00000000', 'org-default', 'api-app'],
    })
  })
})

describe.skipIf(redisSkipReason())('streaming', () => {
  let redis: RedisServer
  let upstream: Upstream
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream(async (request, response) => {
      if (request.url === '/digest') {
        const hash = createHash('sha256')
        for await (const chunk of request) hash.update(chunk as Buffer)
        response.end(hash.digest('hex'))
        return
      }
      const size = Number(request.url?.slice(1))
      const block = randomBytes(64 * 1024)
      const hash = createHash('sha256')
      response.setHeader('Content-Type', 'application/octet-stream')
      for (let sent = 0; sent < size; sent += block.length) {
        hash.update(block)
        if (!response.write(block)) await once(response, 'drain')
      }
      response.addTrailers({ 'X-Digest': hash.digest('hex') })
      response.end()
    })
    gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.close()
    await redis?.stop()
  })

  test.each([0, 1, 65_536, 20_000_000])(
    'a body of %d bytes arrives unchanged, with and without length',
    async (size) => {
      const body = randomBytes(size)
      const digest = createHash('sha256').update(body).digest('hex')
      for (const chunked of [false, true]) {
        const headers = chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': String(size) }
        const answer = await new Promise<string>((resolve, reject) => {
          const request = http.request(`${gateway.url}/app/digest`, { method: 'POST', headers }, (response) => {
            let text = ''
            response.on('data', (chunk: Buffer) => (text += chunk.toString()))
            response.on('end', () => resolve(text))
          })
          request.on('error', reject)
          request.end(body)
        })
        expect(answer).toBe(digest)
      }
    },
  )

  test('a download of 20 MB arrives unchanged', async () => {
    const { digest, trailer } = await new Promise<{ digest: string; trailer: string | undefined }>(
      (resolve, reject) => {
        http
          .get(`${gateway.url}/app/20000000`, (response) => {
            const hash = createHash('sha256')
            response.on('data', (chunk: Buffer) => hash.update(chunk))
            response.on('end', () => resolve({ digest: hash.digest('hex'), trailer: response.trailers['x-digest'] }))
          })
          .on('error', reject)
      },
    )
    expect(trailer).toBe(digest)
  })
})
