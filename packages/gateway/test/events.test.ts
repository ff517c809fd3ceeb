import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import { apiAt } from './support/api.ts'
import { startRawProxy } from './support/raw-proxy.ts'
import { startReceiver, type Receiver } from './support/receiver.ts'

/** Everything that handlers of requests' events can print. */
const EVERYTHING = '{{.Type}}|{{.Meta.Message}}|{{.Meta.Path}}|{{.Meta.Origin}}|{{.Meta.Key}}'

interface Handler {
  readonly handler_name: string
  readonly handler_meta: Record<string, unknown>
}

const logHandler = (prefix: string): Handler => ({ handler_name: 'eh_log_handler', handler_meta: { prefix } })

describe.skipIf(redisSkipReason())('events', () => {
  const resources = new AsyncDisposableStack()
  let folder: string
  let redis: RedisServer
  let client: Redis
  let receiver: Receiver
  let upstream: Upstream
  let gateway: Gateway

  const hook = (path: string, meta: Record<string, unknown> = {}): Handler => ({
    handler_name: 'eh_web_hook_handler',
    handler_meta: { method: 'POST', target_path: `${receiver.url}${path}`, ...meta },
  })
  const template = (name: string): string => join(folder, name)
  const everything = (path: string): Handler => hook(path, { template_path: template('everything.txt') })
  const withHandlers = (events: Record<string, readonly Handler[]>, changes: Record<string, unknown> = {}) => ({
    use_keyless: false,
    event_handlers: { events },
    ...changes,
  })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tek-templates-'))
    resources.defer(() => rm(folder, { recursive: true, force: true }))
    await writeFile(template('everything.txt'), EVERYTHING)
    await writeFile(template('request.json'), '{{.Meta.OriginatingRequest}}')
    await writeFile(template('reason.json'), '{{.Meta.Reason}} at {{.TimeStamp}}')
    await writeFile(template('range.json'), '{\n{{range .Meta}}\n{{end}}}')
    await writeFile(template('token.json'), '{{.Type}}|{{.Meta.Message}}|{{.Meta.Org}}|{{.Meta.Key}}')
    await writeFile(template('changed.txt'), 'before {{.Type}}')
    await writeFile(template('missing-field.json'), '{{.Meta.Nothing}}')
    redis = resources.use(await startRedis())
    client = resources.adopt(new Redis(redis.port), (each) => each.disconnect())
    receiver = resources.use(await startReceiver())
    upstream = resources.use(await startUpstream((_, res) => res.end('ok')))
    const to = upstream.url
    gateway = resources.use(
      await startGateway({
        redisPort: redis.port,
        conf: {
          enable_redis_rolling_limiter: true,
          enable_rate_limit_smoothing: true,
          event_handlers: {
            events: {
              TokenCreated: [hook('/token', { template_path: template('token.json') }), logHandler('made')],
              TokenUpdated: [hook('/token', { template_path: template('token.json') })],
              TokenDeleted: [hook('/token')],
              AuthFailure: [logHandler('never')],
              HostDown: 'no list',
            },
          },
        },
        apis: {
          'plain.json': apiAt(
            'plain',
            to,
            withHandlers({
              AuthFailure: [hook('/plain?a=b', { header_map: { 'x-own': 'yes' } }), logHandler('failed')],
              TokenCreated: [logHandler('never')],
            }),
          ),
          'keys.json': apiAt(
            'keys',
            to,
            withHandlers({
              KeyExpired: [everything('/keys')],
              RatelimitExceeded: [everything('/keys')],
              QuotaExceeded: [everything('/keys')],
              RateLimitSmoothingUp: [everything('/keys')],
              RateLimitSmoothingDown: [everything('/keys')],
            }),
          ),
          'open.json': apiAt('open', to, {
            event_handlers: {
              events: {
                VersionFailure: [everything('/open'), hook('/reason', { template_path: template('reason.json') })],
                AuthFailure: [everything('/open')],
                RatelimitExceeded: [everything('/open')],
              },
            },
            global_rate_limit: { rate: 1, per: 100 },
            enable_ip_blacklisting: true,
            blacklisted_ips: ['10.9.8.7'],
            version_data: {
              not_versioned: true,
              versions: {
                Default: {
                  name: 'Default',
                  use_extended_paths: true,
                  extended_paths: { black_list: [{ path: '/no' }] },
                },
              },
            },
          }),
          'request.json': apiAt(
            'request',
            to,
            withHandlers(
              { AuthFailure: [hook('/request', { template_path: template('request.json') })] },
              {
                auth_configs: {
                  authToken: { auth_header_name: 'X-Own-Key', use_param: true, param_name: 'own-key' },
                },
              },
            ),
          ),
          'damped.json': apiAt(
            'damped',
            to,
            withHandlers({ AuthFailure: [hook('/damped?x=1', { event_timeout: 60 })] }),
          ),
          'broken.json': apiAt(
            'broken',
            to,
            withHandlers({
              AuthFailure: [
                { handler_name: 'eh_dynamic_handler', handler_meta: { name: 'own', path: 'own.js' } },
                { handler_name: 'eh_no_such_handler', handler_meta: {} },
                hook('', { target_path: 'no url' }),
                hook('/off', { disabled: true }),
                hook('/number', { event_timeout: 'soon' }),
                hook('/odd', { method: 'TRACE', template_path: template('range.json') }),
                hook('/unrendered', { template_path: template('missing-field.json') }),
              ],
              HostDown: [logHandler('never')],
            }),
          ),
          'changed.json': apiAt(
            'changed',
            to,
            withHandlers({ AuthFailure: [hook('/changed', { template_path: template('changed.txt') })] }),
          ),
          'refused.json': apiAt('refused', to, withHandlers({ AuthFailure: [hook('/refused'), logHandler('still')] })),
        },
      }),
    )
  })
  afterAll(() => resources.disposeAsync())
  beforeEach(() => {
    receiver.received.length = 0
    receiver.answerWith(200)
  })

  const ask = (path: string, headers: Record<string, string> = {}): Promise<number> =>
    fetch(`${gateway.url}${path}`, { headers }).then(async (answer) => {
      await answer.text()
      return answer.status
    })
  const control = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { 'x-tyk-authorization': gateway.secret },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as Record<string, unknown>
  }
  const createKey = async (session: Record<string, unknown>): Promise<string> => {
    const access_rights = { keys: { api_id: 'keys', api_name: 'keys', versions: ['Default'] } }
    const made = await control('POST', '/tyk/keys', { org_id: 'default', quota_max: -1, access_rights, ...session })
    return made['key'] as string
  }
  const linesWith = (...parts: readonly string[]): string[] =>
    gateway.program
      .output()
      .split('\n')
      .filter((line) => parts.every((part) => line.includes(part)))
  const bodiesAt = (path: string, count: number): Promise<string[]> =>
    eventually(() => {
      const bodies = receiver.at(path).map(({ body }) => body)
      expect(bodies).toHaveLength(count)
      return bodies
    })

  test('a refused key is sent with the default text and logged without the key', async () => {
    expect(await ask('/plain/x', { authorization: 'no-such-key-at-all' })).toBe(403)
    const [sent] = await eventually(() => {
      expect(receiver.at('/plain?a=b')).toHaveLength(1)
      return receiver.at('/plain?a=b')
    })
    expect(sent).toMatchObject({
      method: 'POST',
      headers: { 'user-agent': 'Tyk-Hookshot', 'content-type': 'application/json', 'x-own': 'yes' },
      body:
        '\n{\n    "event": "AuthFailure",\n    "message": "Auth Failure",\n    "path": "/plain/x",\n' +
        '    "origin": "127.0.0.1",\n    "key": "no-such-key-at-all"\n}\n',
    })
    await gateway.program.waitForLine('failed:AuthFailure')
    expect(gateway.program.output()).not.toContain('no-such-key-at-all')
  })

  test('a request without a key raises none', async () => {
    expect(await ask('/plain/x')).toBe(401)
    expect(await ask('/plain/x', { authorization: 'another-key' })).toBe(403)
    const [body] = await bodiesAt('/plain?a=b', 1)
    expect(body).toContain('another-key')
  })

  test('keys that have expired or are off', async () => {
    const inactive = await createKey({ is_inactive: true })
    const expired = await createKey({ expires: 4_000_000_000 })
    const stored = `apikey-${hashKey(expired)}`
    await client.set(stored, ((await client.get(stored)) ?? '').replace('4000000000', '1'))
    expect(await ask('/keys/x', { authorization: inactive })).toBe(403)
    expect(await ask('/keys/x', { authorization: expired })).toBe(401)
    const bodies = await bodiesAt('/keys', 2)
    expect(bodies.toSorted()).toEqual([
      `KeyExpired|Attempted access from expired key.|/keys/x|127.0.0.1|${expired}`,
      `KeyExpired|Attempted access from inactive key.|/keys/x|127.0.0.1|${inactive}`,
    ])
  })

  test('rates and quotas that are used up', async () => {
    const slow = await createKey({ rate: 1, per: 100 })
    expect([await ask('/keys/x', { authorization: slow }), await ask('/keys/x', { authorization: slow })]).toEqual([
      200, 429,
    ])
    const few = await createKey({ quota_max: 1, quota_renewal_rate: 100, meta_data: { rate_limit_pattern: 'team-a' } })
    expect([await ask('/keys/y', { authorization: few }), await ask('/keys/y', { authorization: few })]).toEqual([
      200, 403,
    ])
    const bodies = await bodiesAt('/keys', 2)
    expect(bodies.toSorted()).toEqual([
      'QuotaExceeded|Key Quota Limit Exceeded|/keys/y|127.0.0.1|team-a',
      `RatelimitExceeded|Rate Limit Exceeded|/keys/x|127.0.0.1|${slow}`,
    ])
  })

  test('limits that move with the load', async () => {
    const smoothing = { enabled: true, threshold: 2, trigger: 0.5, step: 2, delay: 1 }
    const key = await createKey({ rate: 6, per: 1, smoothing })
    await eventually(async () => {
      await ask('/keys/x', { authorization: key })
      expect(receiver.at('/keys').map(({ body }) => body)).toContain(
        `RateLimitSmoothingUp|Rate limit increased with smoothing|/keys/x|127.0.0.1|${key}`,
      )
    })
    await eventually(
      async () => {
        await ask('/keys/x', { authorization: key })
        expect(receiver.at('/keys').map(({ body }) => body)).toContain(
          `RateLimitSmoothingDown|Rate limit decreased with smoothing|/keys/x|127.0.0.1|${key}`,
        )
      },
      15_000,
      1100,
    )
  })

  test('addresses, paths and rates of an API', async () => {
    expect(await ask('/open/x', { 'x-real-ip': '10.9.8.7' })).toBe(403)
    expect(await ask('/open/no')).toBe(403)
    expect([await ask('/open/x'), await ask('/open/x')]).toEqual([200, 429])
    const bodies = await bodiesAt('/open', 3)
    expect(bodies.toSorted()).toEqual([
      'AuthFailure|Auth Failure|/open/x|10.9.8.7|10.9.8.7',
      'RatelimitExceeded|API Rate Limit Exceeded|/open/x|127.0.0.1|apilimiter-defaultopen',
      'VersionFailure|Attempted access to disallowed version / path.|/open/no|127.0.0.1|',
    ])
    const [reason] = await bodiesAt('/reason', 1)
    expect(reason).toMatch(
      /^Requested endpoint is forbidden at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})? (&#43;|-)\d{4} /,
    )
  })

  test('the request goes along without its credentials', async () => {
    await ask('/request/x?a=1&own-key=first-secret&b=2', {
      'x-own-key': 'second-secret',
      authorization: 'third-secret',
      cookie: 'session=fourth-secret',
      'x-other': 'shown',
    })
    const [body] = await bodiesAt('/request', 1)
    // What is printed is escaped, base64 too.
    const head = Buffer.from((body ?? '').replaceAll('&#43;', '+'), 'base64').toString('latin1')
    expect(head).toMatch(/^GET \/request\/x\?a=1&own-key=\[redacted\]&b=2 HTTP\/1\.1\r\n/)
    expect(head.toLowerCase()).toContain('x-other: shown\r\n')
    expect(head.toLowerCase()).toContain('x-own-key: [redacted]\r\n')
    expect(head).toMatch(/\r\n\r\n$/)
    expect(head).not.toContain('secret')
  })

  test('an equal event is not sent again for a while, whoever has sent it', async () => {
    const body = (key: string): string =>
      '\n{\n    "event": "AuthFailure",\n    "message": "Auth Failure",\n    "path": "/damped/x",\n' +
      `    "origin": "127.0.0.1",\n    "key": "${key}"\n}\n`
    const mark = (key: string): string => {
      const text = body(key)
      const head =
        `POST /damped?x=1 HTTP/1.1\r\nHost: ${new URL(receiver.url).host}\r\n` +
        `User-Agent: Go-http-client/1.1\r\nContent-Length: ${text.length}\r\n\r\n`
      return `webhook.cache.${createHash('md5')
        .update(head + text)
        .digest('hex')}`
    }
    await client.set(mark('sent-elsewhere'), '1')
    for (const key of ['sent-elsewhere', 'first-key', 'first-key', 'first-key', 'second-key']) {
      expect(await ask('/damped/x', { authorization: key })).toBe(403)
    }
    const bodies = await bodiesAt('/damped?x=1', 2)
    expect(bodies.toSorted()).toEqual([body('first-key'), body('second-key')])
    expect(await client.get(mark('first-key'))).toBe('1')
    expect(await client.ttl(mark('first-key'))).toBeGreaterThan(50)
  })

  test('handlers that cannot be used are reported, and the API is served with the others', async () => {
    expect(await ask('/broken/x', { authorization: 'some-key' })).toBe(403)
    const [body] = await bodiesAt('/odd', 1)
    expect(body).toContain('"event": "AuthFailure"')
    expect(receiver.at('/odd')[0]).toMatchObject({ method: 'GET' })
    const failed = 'Failed to init event handler'
    for (const [i, reason] of [
      [0, 'handlers in JavaScript are not supported'],
      [1, 'Handler not found'],
      [2, 'target_path: expected a URL'],
      [4, 'event_timeout: expected an integer'],
    ]) {
      expect(
        linesWith(failed, 'api_id=broken', `event_handlers.events.AuthFailure[${i}]`, String(reason)),
      ).toHaveLength(1)
    }
    expect(linesWith('event handler disabled', 'AuthFailure[3]')).toHaveLength(1)
    expect(linesWith('Method of a webhook is none, using GET', 'TRACE')).toHaveLength(1)
    expect(linesWith('Custom template load failure, using default', 'range.json', 'line 2: ')).toHaveLength(1)
    expect(linesWith('Event is not raised here, no handler of it is called', 'HostDown', 'broken')).toHaveLength(1)
    await eventually(() => expect(linesWith('could not be filled in, event dropped', 'Nothing')).toHaveLength(1))
    expect(receiver.received.map(({ url }) => url)).toEqual(['/odd'])
  })

  test('a template is read again when it changes, and one that breaks leaves the last good one in force', async () => {
    const sent = async (): Promise<string | undefined> => {
      await ask('/changed/x', { authorization: 'some-key' })
      return receiver.at('/changed').at(-1)?.body
    }
    await eventually(async () => expect(await sent()).toBe('before AuthFailure'))
    await writeFile(template('changed.txt'), 'afterwards {{.Type}}')
    await eventually(async () => expect(await sent()).toBe('afterwards AuthFailure'))
    await writeFile(template('changed.txt'), '{{.Type')
    await eventually(async () => {
      await sent()
      expect(linesWith('Custom template load failure', 'changed.txt', 'line 1: ')).toHaveLength(1)
    })
    expect(await sent()).toBe('afterwards AuthFailure')
  })

  test('a receiver that refuses is logged, and other handlers are called all the same', async () => {
    receiver.answerWith(503)
    expect(await ask('/refused/x', { authorization: 'some-key' })).toBe(403)
    await eventually(() =>
      expect(linesWith('Request to webhook failed', 'api_id=refused', 'status=503')).toHaveLength(1),
    )
    await gateway.program.waitForLine('still:AuthFailure')
  })

  test('keys that are made, changed and deleted, for handlers of the configuration', async () => {
    const key = await createKey({})
    await control('PUT', `/tyk/keys/${key}`, {
      org_id: 'default',
      access_rights: { keys: { api_id: 'keys', api_name: 'keys', versions: ['Default'] } },
    })
    const made = await control('POST', '/tyk/keys/create', {
      org_id: 'default',
      access_rights: { keys: { api_id: 'keys', api_name: 'keys', versions: ['Default'] } },
    })
    await control('DELETE', `/tyk/keys/${key}`)
    await control('DELETE', `/tyk/keys/${String(made['key_hash'])}?hashed=true`)
    const bodies = await bodiesAt('/token', 4)
    expect(bodies.toSorted()).toEqual(
      [
        `TokenCreated|Key modified.|default|${key}`,
        `TokenUpdated|Key modified.|default|${key}`,
        `TokenCreated|Key generated.|default|${String(made['key'])}`,
        `\n{\n    "event": "TokenDeleted",\n    "message": "Key deleted.",\n    "org": "default",\n    "key": "${key}"\n}\n`,
      ].toSorted(),
    )
    await eventually(() => expect(gateway.program.output()).toContain('made:TokenCreated'))
    const output = gateway.program.output()
    expect(linesWith('Event is not raised here', 'event_handlers.events.AuthFailure', 'prefix=main')).toHaveLength(1)
    expect(output).toContain('event_handlers.events.HostDown: expected a list of handlers')
    expect(output).not.toContain(key)
  })

  test('a gateway of several processes logs each event once', async () => {
    await using several = await startGateway({
      redisPort: redis.port,
      conf: {
        workers: 2,
        allow_master_keys: true,
        event_handlers: { events: { TokenCreated: [logHandler('made')], HostUp: [logHandler('never')] } },
      },
      apis: { 'plain.json': apiAt('plain', upstream.url, withHandlers({ AuthFailure: [logHandler('failed')] })) },
    })
    for (let i = 0; i < 20; i++) {
      const headers = { 'x-tyk-authorization': several.secret, connection: 'close' }
      await fetch(`${several.url}/tyk/keys`, { method: 'POST', headers, body: '{"org_id":"default"}' })
      await fetch(`${several.url}/plain/x`, { headers: { authorization: 'some-key', connection: 'close' } })
    }
    const count = (text: string): number => several.program.output().split(text).length - 1
    await eventually(() => expect([count('made:TokenCreated'), count('failed:AuthFailure')]).toEqual([20, 20]))
    expect(count('event_handlers.events.HostUp')).toBe(1)
  })

  test('a receiver that hangs delays no request; what does not fit is dropped and counted', async () => {
    receiver.answerWith(null)
    for (let i = 0; i < 15; i++) {
      const statuses = await Promise.all(
        Array.from({ length: 80 }, (_, k) => ask('/plain/x', { authorization: `key-${i}-${k}` })),
      )
      expect(new Set(statuses)).toEqual(new Set([403]))
    }
    await eventually(() =>
      expect(gateway.program.output()).toMatch(/Too many events wait for their handler, event dropped/),
    )
    receiver.answerWith(200)
  })
})

describe('events while Redis is away', () => {
  const refusing = (method: string, target_path: string): Record<string, unknown> => ({
    enable_ip_whitelisting: true,
    allowed_ips: ['10.0.0.1'],
    event_handlers: {
      events: {
        AuthFailure: [
          { handler_name: 'eh_web_hook_handler', handler_meta: { method, target_path, event_timeout: 60 } },
        ],
      },
    },
  })

  test('are sent, each of them', async () => {
    await using receiver = await startReceiver()
    await using gateway = await startGateway({
      apis: { 'app.json': apiAt('app', receiver.url, refusing('PUT', `${receiver.url}/away`)) },
    })
    for (let i = 0; i < 2; i++) expect((await fetch(`${gateway.url}/app/x`)).status).toBe(403)
    await eventually(() => expect(receiver.at('/away').map(({ method }) => method)).toEqual(['PUT', 'PUT']))
  })

  test('go through the proxy that the environment names', async () => {
    await using proxy = await startRawProxy()
    await using gateway = await startGateway({
      apis: { 'app.json': apiAt('app', 'http://127.0.0.1:1', refusing('POST', 'http://me:secret@hook.test:81/a?b=c')) },
      env: { HTTP_PROXY: `http://user:word@127.0.0.1:${proxy.port}` },
    })
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(403)
    await eventually(() => expect(proxy.heads).toHaveLength(1))
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
    const [head] = proxy.heads
    expect(head?.startLine).toBe('POST http://hook.test:81/a?b=c HTTP/1.1')
    expect(head?.raw).toContain(basic('user:word'))
    expect(head?.raw).toContain(basic('me:secret'))
  })
})
