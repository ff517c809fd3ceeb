/** The row of the table of proxy behaviours about the access log. */
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { hashKey } from '../../src/auth/key-hash.ts'
import { apiAt, withVersion } from '../support/api.ts'
import { createKey } from '../support/create-key.ts'
import { useStages, type Stage } from '../support/stages.ts'
import { connectWire, requestText } from '../support/wire.ts'
import { answerText, OK } from '../support/wire-upstream.ts'

type Line = Record<string, unknown>

const apis = (url: string): Record<string, unknown> => ({
  'app.json': apiAt('app', `${url}/base/`),
  'keys.json': apiAt('keys', url, { use_keyless: false, use_standard_auth: true }),
  'gone.json': apiAt('gone', 'http://127.0.0.1:1'),
  'quiet.json': apiAt('quiet', 'http://127.0.0.1:1', { do_not_track: true }),
  'cors.json': apiAt('cors', url, { CORS: { enable: true } }),
  'fakes.json': apiAt(
    'fakes',
    url,
    withVersion({ extended_paths: { mock_response: [{ path: '/x', method: 'GET', code: 200 }] } }),
  ),
  'put.json': apiAt(
    'put',
    url,
    withVersion({ extended_paths: { method_transforms: [{ path: '/x', method: 'GET', to_method: 'PUT' }] } }),
  ),
})
const log = { access_logs: { enabled: true }, log_format: 'json', http_server_options: { max_request_body_size: 100 } }
const stages = useStages({
  whole: { apis, conf: log },
  plain: {
    apis,
    conf: {
      hash_keys: false,
      access_logs: { enabled: true, template: ['api_key', 'status', 'original_path', 'no_such_field'] },
    },
  },
})

/** The line of the request to this path. */
async function lineOf({ gateway }: Stage, path: string): Promise<Line> {
  const pattern = new RegExp(`"original_path":"${path}".*"prefix":"access-log"`)
  return JSON.parse(await gateway.program.waitForLine(pattern)) as Line
}

describe.skipIf(redisSkipReason())('the access log', () => {
  const stage = stages.whole

  test('27.70 says where a request went, who sent it and how long it took', async () => {
    stage.upstream.answerWith(OK)
    await stage.ask('GET', '/app/a%20(b)?secret=1', ['User-Agent: tester', 'X-Real-IP: 10.0.0.7'])
    const line = await lineOf(stage, '/app/a \\(b\\)')
    expect(line).toEqual({
      api_id: 'app',
      api_key: hashKey(''),
      api_name: 'app',
      api_type: 'classic',
      client_ip: '10.0.0.7',
      host: 'client.test',
      latency_gateway: Number(line['latency_total']) - Number(line['upstream_latency']),
      latency_total: expect.any(Number),
      level: 'info',
      message: '',
      method: 'GET',
      org_id: 'default',
      original_path: '/app/a (b)',
      path: '/base/a (b)',
      prefix: 'access-log',
      protocol: 'HTTP/1.1',
      remote_addr: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      status: 200,
      time: expect.any(String),
      upstream_addr: `${stage.upstream.url}/base/a%20%28b%29`,
      upstream_latency: expect.any(Number),
      user_agent: 'tester',
    })
  })

  test.each<[string, string, Line]>([
    [
      'an upstream that refuses',
      '/gone/x',
      {
        status: 500,
        response_flag: 'UCF',
        response_code_details: 'connection_refused',
        error_source: 'ReverseProxy',
        error_target: '127.0.0.1:1/x',
      },
    ],
    [
      'a key that is not there',
      '/keys/x',
      {
        status: 401,
        response_flag: 'AMF',
        error_source: 'AuthKey',
        upstream_latency: 0,
        path: '/keys/x',
        upstream_addr: '/keys/x',
      },
    ],
    ['another method upstream', '/put/x', { status: 200, method: 'PUT' }],
  ])('27.70 says of %s what it was', async (_, path, expected) => {
    stage.upstream.answerWith(OK)
    await stage.ask('GET', path)
    expect(await lineOf(stage, path)).toMatchObject(expected)
  })

  test('27.70 says of an upstream’s own error that it was the upstream’s', async () => {
    await stage.answered('/app/502', answerText('502 Bad Gateway', [], 'b'))
    expect(await lineOf(stage, '/app/502')).toMatchObject({
      status: 502,
      response_flag: 'URS',
      response_code_details: 'upstream_response_5xx',
      error_source: 'Upstream',
      upstream_status: 502,
    })
  })

  test('27.70 says of a client that left that it left', async () => {
    const arrived = stage.upstream.nextBytes()
    stage.upstream.answerWith(() => undefined)
    const client = await connectWire(stage.gateway.port)
    client.send(requestText('GET', '/app/left'))
    const upstream = await arrived
    const closed = once(upstream, 'close')
    client.socket.destroy()
    await closed
    expect(await lineOf(stage, '/app/left')).toMatchObject({ status: 499, response_flag: 'CDC' })
  })

  test('27.70 has no line for what no API answered, nor for a preflight, a mock or what is not to be tracked', async () => {
    stage.upstream.answerWith(OK)
    const preflight = ['Origin: https://a.test', 'Access-Control-Request-Method: GET']
    const statuses: (string | undefined)[] = []
    for (const [method, path, lines] of [
      ['GET', '/none/x', []],
      ['GET', '/app//unclean', []],
      ['POST', '/app/large', ['Content-Length: 101']],
      ['GET', '/hello', []],
      ['GET', '/tyk/apis', []],
      ['OPTIONS', '/cors/preflight', preflight],
      ['GET', '/fakes/x', []],
      ['GET', '/quiet/x', []],
    ] as const) {
      statuses.push((await stage.ask(method, path, lines)).startLine.split(' ')[1])
    }
    expect(statuses).toEqual(['404', '301', '413', '200', '403', '204', '200', '500'])
    await stage.ask('GET', '/app/last')
    await lineOf(stage, '/app/last')
    const logged = stage.gateway.program
      .output()
      .split('\n')
      .filter((line) => line.includes('access-log'))
    expect(logged.join('\n')).not.toMatch(/none|unclean|large|hello|tyk|preflight|fakes|quiet/)
  })
})

describe.skipIf(redisSkipReason())('the access log with a template', () => {
  test('27.70 keeps to its template, and shows the end of a key only', async () => {
    const stage = stages.plain
    stage.upstream.answerWith(OK)
    const key = await createKey(stage)
    await stage.ask('GET', '/app/none')
    expect((await stage.ask('GET', '/keys/known', [`Authorization: ${key}`])).startLine).toBe('HTTP/1.1 200 OK')
    await stage.ask('GET', '/keys/unknown', ['Authorization: a-key-that-is-not'])
    const line = async (path: string): Promise<string> =>
      (await stage.gateway.program.waitForLine(new RegExp(`original_path=${path} `))).replace(/time="[^"]*" /, '')
    expect(await line('/app/none')).toBe('level=info api_key=-- original_path=/app/none prefix=access-log status=200')
    expect(await line('/keys/known')).toContain(`api_key="****${key.slice(-4)}" original_path=/keys/known `)
    expect(await line('/keys/unknown')).toContain('api_key=-- original_path=/keys/unknown ')
    await stage.gateway.program.waitForLine('fields=no_such_field')
    for (const secret of [key, 'a-key-that-is-not']) expect(stage.gateway.program.output()).not.toContain(secret)
  })
})
