/** Rows of the table of proxy behaviours about health, reloads and the end of the program. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import http, { type IncomingMessage } from 'node:http'
import type net from 'node:net'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { startGateway } from '../../../../test/support/gateway.ts'
import { readRecords } from '../../../../test/support/read-records.ts'
import { redisSkipReason, startRedis } from '../../../../test/support/redis.ts'
import { apiAt, withVersion } from '../support/api.ts'
import { useStages, type Stage } from '../support/stages.ts'
import { connectWire, exchange, requestText, valuesOf, type WireMessage } from '../support/wire.ts'
import { answerText, OK, startWireUpstream, type WireUpstream } from '../support/wire-upstream.ts'

const stages = useStages({
  main: {
    apis: (url) => ({ 'app.json': apiAt('app', url), 'other.json': apiAt('other', url) }),
    // One hour: no check while the tests run.
    conf: { liveness_check: { check_duration: 3_600_000_000_000 } },
  },
  named: {
    apis: (url) => ({ 'hello.json': apiAt('hello', url) }),
    conf: { health_check_endpoint_name: 'alive', readiness_check_endpoint_name: 'fit' },
  },
})

const get = (port: number, path: string, method = 'GET'): Promise<WireMessage> =>
  exchange(port, requestText(method, path))
const statusAnd = ({ startLine, body }: WireMessage): [string, string] => [startLine.split(' ')[1] as string, body]
const problem = (message: string): string => `{"status":"error","message":"${message}"}\n`

/** Answers with the path, but for `/held`, which waits to be released. */
function holding(upstream: WireUpstream): { held: Promise<net.Socket>; release(): void } {
  const arrived = Promise.withResolvers<net.Socket>()
  upstream.answerWith(({ startLine }, socket) => {
    const path = startLine.split(' ')[1] as string
    if (!path.endsWith('/held')) return answerText('200 OK', ['Content-Type: a/b'], path)
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 8\r\n\r\nheld')
    arrived.resolve(socket)
    return undefined
  })
  return { held: arrived.promise, release: () => void arrived.promise.then((socket) => socket.write('free')) }
}

describe.skipIf(redisSkipReason())('health', () => {
  test('27.65 /hello is 200 whatever is wrong, /ready says what is', async () => {
    await using redis = await startRedis()
    await using upstream = await startWireUpstream()
    await using gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': apiAt('app', upstream.url) },
      conf: { liveness_check: { check_duration: 100_000_000 } },
    })
    const hello = await eventually(async () => {
      const answer = await get(gateway.port, '/hello')
      expect(answer.body).toContain('details')
      return answer
    })
    expect(hello.startLine).toBe('HTTP/1.1 200 OK')
    expect(valuesOf(hello, 'Content-Type')).toEqual(['application/json'])
    expect(hello.body).toMatch(
      /^\{"status":"pass","version":"v[^"]+","description":"Tyk GW","details":\{"redis":\{"status":"pass","componentType":"datastore","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"]+"\}\}\}\n$/,
    )
    const ready = await get(gateway.port, '/ready')
    expect(ready.startLine).toBe('HTTP/1.1 200 OK')
    expect(ready.body).toMatch(/^\{"status":"pass","version":"v[^"]+","description":"Tyk GW Ready",.*\}\n$/)

    await redis.stop()
    await eventually(async () => {
      const down = await get(gateway.port, '/hello')
      expect(down.startLine).toBe('HTTP/1.1 200 OK')
      expect(JSON.parse(down.body)).toMatchObject({ status: 'fail', details: { redis: { status: 'fail' } } })
    })
    expect(statusAnd(await get(gateway.port, '/ready'))).toEqual(['503', problem('Redis connection not available')])
  })

  test('27.65 before the first check there are no details', async () => {
    const { gateway } = stages.main
    expect((await get(gateway.port, '/hello')).body).toMatch(
      /^\{"status":"pass","version":"v[^"]+","description":"Tyk GW"\}\n$/,
    )
  })

  test.each(['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('27.65 %s is answered 405', async (method) => {
    for (const path of ['/hello', '/ready']) {
      const answer = await get(stages.main.gateway.port, path, method)
      const body = method === 'HEAD' ? '' : problem('Method Not Allowed')
      expect([answer.startLine, answer.body]).toEqual(['HTTP/1.1 405 Method Not Allowed', body])
    }
  })

  test('27.65 the names of both can be chosen, and the usual ones are free then', async () => {
    const { port } = stages.named.gateway
    stages.named.upstream.answerWith(OK)
    expect((await get(port, '/alive')).body).toContain('"description":"Tyk GW"')
    expect((await get(port, '/fit')).body).toContain('"description":"Tyk GW Ready"')
    expect(statusAnd(await get(port, '/hello/x'))).toEqual(['200', 'ok'])
    expect(statusAnd(await get(port, '/ready'))[0]).toBe('404')
  })

  test('27.65 a gateway whose first load failed is alive and not ready', async () => {
    const { redis, gateway: other } = stages.main
    const policies = join(other.dir, 'broken.json')
    await writeFile(policies, '{ broken')
    await using gateway = await startGateway({
      redisPort: redis.port,
      conf: { policies: { policy_source: 'file', policy_record_name: policies } },
    })
    expect((await get(gateway.port, '/hello')).startLine).toBe('HTTP/1.1 200 OK')
    expect(statusAnd(await get(gateway.port, '/ready'))).toEqual([
      '503',
      problem('A successful API reload did not happen'),
    ])
  })
})

describe.skipIf(redisSkipReason())('a reload', () => {
  const stage: Stage = stages.main

  test('27.66 changes what comes next on a connection, and nothing of what is in flight', async () => {
    const { gateway, upstream } = stage
    const { held, release } = holding(upstream)
    await using kept = await connectWire(gateway.port)
    await using waiting = await connectWire(gateway.port)
    kept.send(requestText('GET', '/app/x'))
    expect((await kept.answer()).body).toBe('/x')
    waiting.send(requestText('GET', '/app/held'))
    await held

    await gateway.writeApi('app.json', apiAt('app', `${upstream.url}/second`))
    const state = { reloaded: false }
    const reload = gateway.reload().then(() => (state.reloaded = true))
    const bodies = new Set<string>()
    while (!state.reloaded) {
      kept.send(requestText('GET', '/app/x'))
      const answer = await kept.answer()
      expect(answer.startLine).toBe('HTTP/1.1 200 OK')
      bodies.add(answer.body)
    }
    await reload
    kept.send(requestText('GET', '/app/x'))
    bodies.add((await kept.answer()).body)
    expect([...bodies]).toEqual(['/x', '/second/x'])
    release()
    expect(await waiting.answer()).toMatchObject({ body: 'heldfree', whole: true })
    waiting.send(requestText('GET', '/app/y'))
    expect((await waiting.answer()).body).toBe('/second/y')
  })

  test('27.66 that takes an API away lets its requests end', async () => {
    const { gateway, upstream } = stage
    const { held, release } = holding(upstream)
    await using client = await connectWire(gateway.port)
    client.send(requestText('GET', '/other/held'))
    await held
    await gateway.writeApi('other.json', apiAt('third', upstream.url))
    await gateway.reload()
    expect(statusAnd(await get(gateway.port, '/other/x'))[0]).toBe('404')
    release()
    expect(await client.answer()).toMatchObject({ body: 'heldfree', whole: true })
    client.send(requestText('GET', '/other/x'))
    expect((await client.answer()).startLine).toBe('HTTP/1.1 404 Not Found')
  })

  test('27.66 leaves idle connections to upstreams of unchanged APIs open', async () => {
    const { gateway, upstream } = stage
    upstream.answerWith(OK)
    await get(gateway.port, '/third/x')
    const before = upstream.sockets.length
    await gateway.reload()
    await get(gateway.port, '/third/x')
    expect(upstream.sockets).toHaveLength(before)
  })
})

describe.skipIf(redisSkipReason())('the end', () => {
  test('27.67 is announced, comes after its delay, waits for what is in flight, and loses no record', async () => {
    await using redis = await startRedis()
    await using upstream = await startWireUpstream()
    await using gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': apiAt('app', upstream.url) },
      conf: { graceful_shutdown_delay_seconds: 1 },
    })
    const { held, release } = holding(upstream)
    await using waiting = await connectWire(gateway.port)
    await using idle = await connectWire(gateway.port)
    idle.send(requestText('GET', '/app/x'))
    await idle.answer()
    waiting.send(requestText('GET', '/app/held'))
    await held

    gateway.program.kill('SIGTERM')
    await gateway.program.waitForLine(/Delaying graceful shutdown for 1 seconds/)
    expect(statusAnd(await get(gateway.port, '/ready'))).toEqual(['503', problem('Gateway is shutting down')])
    expect(statusAnd(await get(gateway.port, '/hello'))[0]).toBe('200')
    expect((await get(gateway.port, '/app/during')).body).toBe('/during')

    await idle.closed()
    await eventually(() => expect(connectWire(gateway.port)).rejects.toThrow('ECONNREFUSED'))
    release()
    expect(await waiting.answer()).toMatchObject({ body: 'heldfree', whole: true })
    await waiting.closed()
    expect(await gateway.program.exited()).toBe(0)
    const paths = (await readRecords(redis.url)).map(({ originalPath }) => originalPath)
    expect(paths.toSorted()).toEqual(['/app/during', '/app/held', '/app/x'])
  })

  test('27.67 an answer that a slow client has not read yet goes out whole', async () => {
    // More than the system takes for a client that reads nothing.
    const body = 'x'.repeat(16 * 1024 * 1024)
    const mock = { path: '/mock', method: 'GET', code: 200, body }
    await using gateway = await startGateway({
      redisPort: stages.main.redis.port,
      apis: {
        'app.json': apiAt('app', 'http://127.0.0.1:9/', withVersion({ extended_paths: { mock_response: [mock] } })),
      },
    })
    const answer = await new Promise<IncomingMessage>((resolve) => http.get(`${gateway.url}/app/mock`, resolve))
    gateway.program.kill('SIGTERM')
    await eventually(() => expect(connectWire(gateway.port)).rejects.toThrow('ECONNREFUSED'))
    let length = 0
    for await (const chunk of answer) length += (chunk as Buffer).length
    expect(length).toBe(body.length)
    expect(await gateway.program.exited()).toBe(0)
  })

  test('27.67 does not wait longer than graceful_shutdown_timeout_duration, and says 0 all the same', async () => {
    await using upstream = await startWireUpstream()
    await using gateway = await startGateway({
      redisPort: stages.main.redis.port,
      apis: { 'app.json': apiAt('app', upstream.url) },
      conf: { graceful_shutdown_timeout_duration: 1 },
    })
    const { held } = holding(upstream)
    await using waiting = await connectWire(gateway.port)
    waiting.send(requestText('GET', '/app/held'))
    const closed = once(await held, 'close')
    gateway.program.kill('SIGINT')
    expect(await waiting.answer()).toMatchObject({ body: 'held', whole: false })
    await closed
    expect(await gateway.program.exited()).toBe(0)
  })
})
