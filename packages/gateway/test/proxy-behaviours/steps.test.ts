/** Rows of the table of proxy behaviours about steps that answer themselves, or say something about the client. */
import { describe, expect, test } from 'vitest'
import type { AnalyticsRecord } from '@tek/analytics-record'
import { recordsUntil } from '../../../../test/support/read-records.ts'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt, withVersion } from '../support/api.ts'
import { createKey } from '../support/create-key.ts'
import { LANES, onEachLane, useStages, type Stage } from '../support/stages.ts'
import { namesOf, requestText, exchange, valuesOf, type WireMessage } from '../support/wire.ts'
import { answerText, OK } from '../support/wire-upstream.ts'

const KEYED = { use_keyless: false, use_standard_auth: true }
const STRICT_CORS = {
  enable: true,
  allowed_origins: ['https://A.test', 'https://*.b.test'],
  allowed_methods: ['PUT', 'GET'],
  allowed_headers: ['X-One', 'x-two'],
  exposed_headers: ['x-own-HEADER', 'ETAG'],
  allow_credentials: true,
  max_age: 60,
}
const MOCKS = withVersion({
  extended_paths: {
    mock_response: [
      {
        path: '/mock',
        method: 'GET',
        code: 418,
        body: 'mocked',
        headers: { 'x-mock-HEADER': '1', 'Content-Type': 'a/b' },
      },
      { path: '/zero', method: 'GET', code: 0, body: 'zero' },
    ],
  },
})

const apis = (url: string): Record<string, unknown> => ({
  'app.json': apiAt('app', url),
  'ip.json': apiAt('ip', url, {
    enable_context_vars: true,
    ...withVersion({ global_headers: { 'X-Client': '[$tyk_context.remote_addr]' } }),
  }),
  'keys.json': apiAt('keys', url, KEYED),
  'open.json': apiAt('open', url, { CORS: { enable: true } }),
  'strict.json': apiAt('strict', url, { CORS: STRICT_CORS, ...KEYED }),
  'through.json': apiAt('through', url, { CORS: { ...STRICT_CORS, options_passthrough: true }, ...KEYED }),
  'bare.json': apiAt('bare', url, { CORS: { options_passthrough: true }, ...KEYED }),
  'fakes.json': apiAt('fakes', url, {
    ...MOCKS,
    ...KEYED,
    CORS: { enable: true },
    allowed_ips: ['10.0.0.1'],
  }),
  'allow.json': apiAt('allow', url, { allowed_ips: ['10.0.0.1', '192.168.0.0/16', '2001:db8::/32', 'nonsense'] }),
  'deny.json': apiAt('deny', url, { blacklisted_ips: ['10.0.0.1', '192.168.0.0/16', 'nonsense'] }),
  'both.json': apiAt('both', url, { allowed_ips: ['10.0.0.0/8'], blacklisted_ips: ['10.0.0.1'] }),
  'ipoff.json': apiAt('ipoff', url, { allowed_ips: ['10.0.0.1'], ip_access_control_disabled: true }),
  'ipon.json': apiAt('ipon', url, {
    allowed_ips: ['10.0.0.1'],
    ip_access_control_disabled: true,
    enable_ip_whitelisting: true,
  }),
})

const stages = useStages({
  ...onEachLane({ apis }),
  second: {
    apis,
    conf: { http_server_options: { xff_depth: 2 }, rate_limit_response_headers: 'rate_limits' },
  },
  negative: { apis, conf: { http_server_options: { xff_depth: -1 } } },
})

const statusOf = (answer: WireMessage): string => answer.startLine.split(' ')[1] as string

/** Every line but those of time. */
const said = ({ lines }: WireMessage): string[] => lines.filter((line) => !line.startsWith('Date: ')).toSorted()

const preflight = (origin: string | null, method: string, headers?: string): string[] => [
  ...(origin === null ? [] : [`Origin: ${origin}`]),
  `Access-Control-Request-Method: ${method}`,
  ...(headers === undefined ? [] : [`Access-Control-Request-Headers: ${headers}`]),
]
const VARY = 'Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

describe.skipIf(redisSkipReason())('CORS', () => {
  const stage = stages.direct

  const allowed = (origin: string, method: string, headers?: string): string[] => [
    `Access-Control-Allow-Origin: ${origin}`,
    `Access-Control-Allow-Methods: ${method}`,
    ...(headers === undefined ? [] : [`Access-Control-Allow-Headers: ${headers}`]),
  ]
  const shared = ['Access-Control-Allow-Credentials: true', 'Access-Control-Max-Age: 60']

  test.each([
    ['/open/x', preflight('https://any.test', 'GET'), allowed('*', 'GET')],
    ['/open/x', preflight('https://any.test', 'POST', 'content-type'), allowed('*', 'POST', 'content-type')],
    ['/open/x', preflight('https://any.test', 'DELETE'), []],
    ['/open/x', preflight('https://any.test', 'GET', 'x-own'), []],
    ['/open/x', preflight(null, 'GET'), []],
    ['/strict/x', preflight('https://a.test', 'PUT'), [...allowed('https://a.test', 'PUT'), ...shared]],
    [
      '/strict/x',
      preflight('https://c.b.test', 'GET', 'x-one,x-two'),
      [...allowed('https://c.b.test', 'GET', 'x-one,x-two'), ...shared],
    ],
    ['/strict/x', preflight('https://a.test', 'PUT', 'x-two,x-one'), []],
    ['/strict/x', preflight('https://a.test', 'PUT', 'X-One'), []],
    ['/strict/x', preflight('https://other.test', 'PUT'), []],
    ['/strict/x', preflight('https://a.test', 'put'), []],
    ['/strict/x', preflight('https://a.test', 'OPTIONS'), [...allowed('https://a.test', 'OPTIONS'), ...shared]],
  ])('27.57 the preflight of %s with %j is answered 204, and says %j', async (path, lines, expected) => {
    const before = stage.upstream.requests.length
    const answer = await stage.ask('OPTIONS', path, lines)
    expect(answer.startLine).toBe('HTTP/1.1 204 No Content')
    expect(said(answer)).toEqual([VARY, ...expected].toSorted())
    expect(answer.body).toBe('')
    expect(stage.upstream.requests).toHaveLength(before)
  })

  test('27.57 any other OPTIONS request is answered 200 without a body, and goes no further', async () => {
    const before = stage.upstream.requests.length
    const answer = await stage.ask('OPTIONS', '/strict/x', ['Origin: https://a.test'])
    expect(answer.startLine).toBe('HTTP/1.1 200 OK')
    expect(said(answer)).toEqual([
      'Access-Control-Allow-Credentials: true',
      'Access-Control-Allow-Origin: https://a.test',
      'Access-Control-Expose-Headers: X-Own-Header, Etag',
      'Content-Length: 0',
      'Vary: Origin',
    ])
    expect(stage.upstream.requests).toHaveLength(before)
  })

  test('27.57 an error has the headers that let a page read it', async () => {
    const answer = await stage.ask('GET', '/strict/x', ['Origin: https://a.test'])
    expect(answer.startLine).toBe('HTTP/1.1 401 Unauthorized')
    expect(valuesOf(answer, 'Access-Control-Allow-Origin')).toEqual(['https://a.test'])
    expect(valuesOf(answer, 'Access-Control-Allow-Credentials')).toEqual(['true'])
    expect(valuesOf(answer, 'Vary')).toEqual(['Origin'])
    const other = await stage.ask('GET', '/strict/x', ['Origin: https://other.test'])
    expect(namesOf(other).join()).not.toMatch(/Access-Control/)
    expect(valuesOf(other, 'Vary')).toEqual(['Origin'])
  })

  test('27.57 where both sides set one of the six headers, the gateway’s stays', async () => {
    const theirs = ['Allow-Origin', 'Allow-Credentials', 'Expose-Headers', 'Allow-Methods'].map(
      (name) => `Access-Control-${name}: theirs`,
    )
    const answer = await stage.answered('/open/x', answerText('200 OK', [...theirs, 'Content-Type: a/b']), [
      'Origin: https://a.test',
    ])
    expect(valuesOf(answer, 'Access-Control-Allow-Origin')).toEqual(['*'])
    for (const name of ['Allow-Credentials', 'Expose-Headers', 'Allow-Methods'])
      expect(valuesOf(answer, `Access-Control-${name}`)).toEqual(['theirs'])
  })

  test.each(['through', 'bare'])(
    '27.58 with options_passthrough the upstream answers OPTIONS of %s, without a key',
    async (id) => {
      stage.upstream.answerWith(answerText('200 OK', ['Allow: GET', 'Content-Type: a/b'], 'theirs'))
      const before = stage.upstream.requests.length
      for (const lines of [preflight('https://a.test', 'GET'), ['Origin: https://a.test'], []]) {
        const answer = await stage.ask('OPTIONS', `/${id}/x`, lines)
        expect([answer.startLine, answer.body]).toEqual(['HTTP/1.1 200 OK', 'theirs'])
        expect(namesOf(answer).join()).not.toMatch(/Access-Control|Vary/)
        expect(stage.upstream.last().lines).toEqual(expect.arrayContaining(lines))
      }
      expect(stage.upstream.requests).toHaveLength(before + 3)
      expect(statusOf(await stage.ask('GET', `/${id}/x`))).toBe('401')
    },
  )
})

describe.skipIf(redisSkipReason())('a mock', () => {
  test('27.59 answers before CORS, IP lists and authentication, and is not recorded', async () => {
    const stage = stages.direct
    const before = stage.upstream.requests.length
    const answer = await stage.ask('GET', '/fakes/mock', ['Origin: https://a.test'])
    expect(answer.startLine).toBe("HTTP/1.1 418 I'm a teapot")
    expect(said(answer)).toEqual(['Content-Length: 6', 'Content-Type: a/b', 'X-Mock-Header: 1'])
    expect(answer.body).toBe('mocked')
    expect(statusOf(await stage.ask('GET', '/fakes/zero'))).toBe('200')
    expect(statusOf(await stage.ask('POST', '/fakes/mock'))).toBe('403')
    expect(statusOf(await stage.ask('OPTIONS', '/open/none', preflight('https://a.test', 'GET')))).toBe('204')
    expect(stage.upstream.requests).toHaveLength(before)
    stage.upstream.answerWith(OK)
    await stage.ask('GET', '/app/after-mocks')
    const isLast = ({ originalPath }: AnalyticsRecord): boolean => originalPath === '/app/after-mocks'
    const paths = (await recordsUntil(stage.redis.url, isLast)).map(
      ({ originalPath, method }) => `${method} ${originalPath}`,
    )
    expect(paths).toContain('POST /fakes/mock')
    expect(paths).not.toContain('GET /fakes/mock')
    expect(paths.join()).not.toMatch(/zero|open\/none/)
  })
})

/** Values of the three headers; undefined: not there, or not once. */
const trio = (answer: WireMessage): (string | undefined)[] =>
  ['Limit', 'Remaining', 'Reset'].map((name) => {
    const values = valuesOf(answer, `X-Ratelimit-${name}`)
    return values.length === 1 ? values[0] : undefined
  })

describe.skipIf(redisSkipReason()).each(LANES)('the limits of an answer on the %s lane', (lane) => {
  const stage = stages[lane]
  const THEIRS = answerText('200 OK', ['X-RateLimit-Limit: 9', 'x-ratelimit-reset: 9', 'X-RateLimit-Other: 9'], 'ok')

  test('27.60 are nought without a key, and take the place of the upstream’s', async () => {
    const answer = await stage.answered('/app/x', THEIRS)
    expect(trio(answer)).toEqual(['0', '0', '0'])
    expect(valuesOf(answer, 'X-Ratelimit-Other')).toEqual(['9'])
    const failed = answerText('503 Service Unavailable', ['X-RateLimit-Limit: 9'], 'busy')
    expect(trio(await stage.answered('/app/x', failed))).toEqual(['0', '0', '0'])
  })

  test('27.60 are the key’s quota, but not on answers of the gateway’s own', async () => {
    stage.upstream.answerWith(THEIRS)
    const key = await createKey(stage, { quota_max: 2, quota_remaining: 2, quota_renewal_rate: 3600 })
    const unlimited = await createKey(stage, { quota_max: -1 })
    const ask = (token: string): Promise<WireMessage> => stage.ask('GET', '/keys/x', [`Authorization: ${token}`])
    const now = Date.now() / 1000
    for (const remaining of ['1', '0']) {
      const [limit, left, reset] = trio(await ask(key))
      expect([limit, left]).toEqual(['2', remaining])
      expect(Number(reset)).toBeGreaterThan(now)
      expect(Number(reset)).toBeLessThan(now + 3700)
    }
    const exceeded = await ask(key)
    expect([statusOf(exceeded), ...trio(exceeded)]).toEqual(['403', undefined, undefined, undefined])
    expect(trio(await ask(unlimited))[0]).toBe('-1')
    expect(trio(await ask('no-such-key'))).toEqual([undefined, undefined, undefined])
    expect(trio(await stage.ask('GET', '/fakes/mock'))).toEqual([undefined, undefined, undefined])
  })
})

describe.skipIf(redisSkipReason())('the client', () => {
  test('27.60 without a limit of the API there are none in the mode rate_limits, the upstream’s neither', async () => {
    stages.second.upstream.answerWith(
      answerText('200 OK', ['X-RateLimit-Limit: 9', 'X-RateLimit-Remaining: 9', 'X-RateLimit-Reset: 9'], 'ok'),
    )
    expect(namesOf(await stages.second.ask('GET', '/app/x')).join()).not.toMatch(/Ratelimit/)
  })

  const clientOf = async (stage: Stage, lines: readonly string[]): Promise<string | undefined> => {
    stage.upstream.answerWith(OK)
    const [value] = valuesOf(await stage.seenUpstream('GET', '/ip/x', lines), 'X-Client')
    return value?.slice(1, -1)
  }

  test.each([
    [[], '127.0.0.1', '127.0.0.1'],
    [['X-Real-IP: 9.9.9.9'], '9.9.9.9', '9.9.9.9'],
    [['X-Forwarded-For: 1.1.1.1, 2.2.2.2', 'x-real-ip: 9.9.9.9'], '9.9.9.9', '9.9.9.9'],
    [['X-Real-IP: nonsense', 'X-Forwarded-For: 1.1.1.1, 2.2.2.2'], '1.1.1.1', '1.1.1.1'],
    [['X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3'], '1.1.1.1', '2.2.2.2'],
    [['X-Forwarded-For:  1.1.1.1 ,2.2.2.2'], '1.1.1.1', '1.1.1.1'],
    [['X-Forwarded-For: 1.1.1.1'], '1.1.1.1', ''],
    [['X-Forwarded-For: nonsense, 2.2.2.2'], '127.0.0.1', '127.0.0.1'],
    [['X-Forwarded-For: 1.1.1.1', 'X-Forwarded-For: 2.2.2.2, 3.3.3.3'], '1.1.1.1', ''],
    [['X-Forwarded-For: ::ffff:1.2.3.4, 2001:DB8:0::1'], '1.2.3.4', '1.2.3.4'],
    [['X-Real-IP: 2001:DB8:0:0::1'], '2001:db8::1', '2001:db8::1'],
  ])('27.61 with %j is %s, and with xff_depth 2 %j', async (lines, first, second) => {
    expect(await clientOf(stages.direct, lines)).toBe(first)
    expect(await clientOf(stages.second, lines)).toBe(second)
  })

  test('27.61 with a negative depth is nobody who comes through a proxy', async () => {
    expect(await clientOf(stages.negative, ['X-Forwarded-For: 1.1.1.1'])).toBe('')
    expect(await clientOf(stages.negative, [])).toBe('127.0.0.1')
    const { negative } = stages
    expect(statusOf(await negative.ask('GET', '/allow/x', ['X-Forwarded-For: 10.0.0.1']))).toBe('403')
    expect(statusOf(await negative.ask('GET', '/deny/x', ['X-Forwarded-For: 10.0.0.1']))).toBe('200')
  })

  test.each([
    ['/allow/x', '10.0.0.1', '200'],
    ['/allow/x', '::ffff:10.0.0.1', '200'],
    ['/allow/x', '192.168.44.1', '200'],
    ['/allow/x', '2001:db8:1::1', '200'],
    ['/allow/x', '10.0.0.2', '403'],
    ['/deny/x', '10.0.0.1', '403'],
    ['/deny/x', '192.168.44.1', '403'],
    ['/deny/x', '10.0.0.2', '200'],
    ['/both/x', '10.0.0.2', '200'],
    ['/both/x', '10.0.0.1', '403'],
    ['/both/x', '11.0.0.1', '403'],
    ['/ipoff/x', '10.0.0.2', '200'],
    ['/ipon/x', '10.0.0.2', '403'],
  ])('27.62 at %s from %s is answered %s: a list that is not empty is in force', async (path, address, status) => {
    stages.direct.upstream.answerWith(OK)
    const answer = await exchange(stages.direct.gateway.port, requestText('GET', path, [`X-Real-IP: ${address}`]))
    expect(statusOf(answer)).toBe(status)
    if (status === '403') expect(answer.body).toBe('{\n    "error": "access from this IP has been disallowed"\n}')
  })
})
