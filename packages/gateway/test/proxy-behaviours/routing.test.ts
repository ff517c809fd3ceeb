/** Rows of the table of proxy behaviours about which API, and which endpoint of it, a request belongs to. */
import { describe, expect, test } from 'vitest'
import { recordsUntil } from '../../../../test/support/read-records.ts'
import { freePort, redisSkipReason } from '../../../../test/support/redis.ts'
import { startGateway } from '../../../../test/support/gateway.ts'
import { apiAt, withVersion } from '../support/api.ts'
import { useStages, type Stage } from '../support/stages.ts'
import { exchange, requestText, valuesOf } from '../support/wire.ts'

/** An API that tells the upstream its name. */
const named = (url: string, id: string, listenPath: string, changes: Record<string, unknown> = {}): unknown => {
  const { version, ...rest } = changes
  const tells = withVersion({ global_headers: { 'X-Api': id }, ...(version as object | undefined) })
  return apiAt(id, url, { ...tells, ...rest, proxy: { listen_path: listenPath } })
}

/** Every pattern gets an endpoint that says which it was. */
const marks = (patterns: Record<string, string>): Record<string, unknown> => ({
  version: {
    extended_paths: {
      transform_headers: Object.entries(patterns).map(([mark, path]) => ({
        path,
        method: 'GET',
        add_headers: { 'X-Mark': mark },
      })),
    },
  },
})

const PATTERNS = {
  plain: '/users',
  named: '/orders/{id}',
  typed: '/typed/{id:[0-9]+}/end',
  quantified: '/q/[0-9]{3}/end',
  star: '/files/*/end',
  tail: '/tail/*',
  regex: '/re/[0-9]+$',
  folded: '(?i)/FOLDED/x',
  behind: '/behind(?=x)',
  backtracking: '/slow/(a+)+$',
}

const stages = useStages({
  main: {
    apis: (url) => ({
      'prefix.json': named(url, 'prefix', '/app'),
      'slash.json': named(url, 'slash', '/slash/'),
      'long.json': named(url, 'long', '/slash/deeper/'),
      'segment.json': named(url, 'segment', '/{any}/deeper/'),
      'domain.json': named(url, 'domain', '/domain/', { domain: 'own.test' }),
      'internal.json': named(url, 'internal', '/internal/', { internal: true }),
      'inactive.json': named(url, 'inactive', '/inactive/', { active: false }),
      'marks.json': named(url, 'marks', '/marks/', marks(PATTERNS)),
      'lists.json': named(url, 'lists', '/lists/', {
        version: {
          extended_paths: {
            black_list: [
              { path: '^/lists/whole', method: '', method_actions: {} },
              { path: '^/stripped', method: 'POST', method_actions: {} },
            ],
          },
        },
      }),
      'tyk.json': named(url, 'tyk', '/tyk-free/'),
      'shadowed.json': named(url, 'shadowed', '/hello'),
      're2.json': named(url, 're2', '/{n:(?i)CASE[0-9]+}/'),
    }),
  },
  strict: {
    apis: (url) => ({
      'root.json': named(url, 'root', '/'),
      'apple.json': named(url, 'apple', '/apple'),
      'template.json': named(url, 'template', '/t/{t:foo|bar}'),
      'marks.json': named(url, 'marks', '/marks/', marks(PATTERNS)),
    }),
    conf: {
      http_server_options: {
        enable_strict_routes: true,
        enable_path_prefix_matching: true,
        enable_path_suffix_matching: true,
      },
    },
  },
  domains: {
    apis: (url) => ({
      'deep.json': named(url, 'deep', '/a/b/c/'),
      'main.json': named(url, 'main', '/a/'),
      'own.json': named(url, 'own', '/a/', { domain: 'own.test' }),
      'regex.json': named(url, 'regex', '/a/', { domain: '{sub:[a-z]+}.regex.test' }),
      'name.json': named(url, 'name', '/a/', { domain: '{any}.name.test' }),
      'port.json': named(url, 'port', '/a/', { domain: 'port.test:81' }),
      'off.json': named(url, 'off', '/off/', { domain: 'off.test', domain_disabled: true }),
    }),
    conf: { enable_custom_domains: true, hostname: 'main.test' },
  },
})

/** The name of the API that served a request, or the status. */
async function servedBy(stage: Stage, path: string, host?: string): Promise<string> {
  const before = stage.upstream.requests.length
  const text = requestText('GET', path)
  const answer = await exchange(stage.gateway.port, host === undefined ? text : text.replace('client.test', host))
  const seen = stage.upstream.requests[before]
  return seen === undefined ? (answer.startLine.split(' ')[1] as string) : valuesOf(seen, 'X-Api').join()
}

const NOT_FOUND =
  /^HTTP\/1\.1 404 Not Found\r\nContent-Type: text\/plain; charset=utf-8\r\nContent-Length: 9\r\nDate: [^\r]*\r\n\r\nNot Found$/

describe.skipIf(redisSkipReason())('routing', () => {
  test.each([
    ['/app', 'prefix'],
    ['/app/', 'prefix'],
    ['/app/x', 'prefix'],
    ['/apple', 'prefix'],
    ['/%61pp', 'prefix'],
    ['/ap', '404'],
    ['/App', '404'],
    ['/slash/', 'slash'],
    ['/slash/x', 'slash'],
    ['/slash', '404'],
  ])('27.17 %s is for %s: a listen path is a prefix of the decoded path', async (path, expected) => {
    expect(await servedBy(stages.main, path)).toBe(expected)
  })

  test.each([
    ['/apple', 'apple'],
    ['/apple/', 'apple'],
    ['/apple/x', 'apple'],
    ['/applebottom', '404'],
    ['/app', 'root'],
    ['/t/foo/get', 'template'],
    ['/t/foofoo', 'template'],
  ])('27.17 with strict routes %s is for %s', async (path, expected) => {
    expect(await servedBy(stages.strict, path)).toBe(expected)
  })

  test.each([
    ['/slash/deeper/x', 'long'],
    ['/slash/deep/x', 'slash'],
    ['/other/deeper/x', 'segment'],
    ['/app/deeper/x', 'segment'],
  ])('27.18 %s is for %s: the longest listen path first, where a {segment} counts nothing', async (path, expected) => {
    expect(await servedBy(stages.main, path)).toBe(expected)
  })

  test.each([
    ['/a/b/c/', 'own.test', 'own'],
    ['/a/b/c/', 'main.test', 'deep'],
    ['/a/x', 'main.test', 'main'],
    ['/off/x', 'own.test', '404'],
    ['/off/x', 'main.test', 'off'],
  ])('27.18 %s on %s is for %s: APIs with a domain come before all others', async (path, host, expected) => {
    expect(await servedBy(stages.domains, path, host)).toBe(expected)
  })

  test.each([
    ['/slash/x', 'slash', '/x'],
    ['/prefix/x', 'prefix', '/prefix/x'],
    ['/segment/x', 'segment', '/segment/x'],
  ])('27.19 %s is for %s, by its id, which stays in the path', async (path, expected, seen) => {
    expect(await servedBy(stages.main, path)).toBe(expected)
    expect(stages.main.upstream.last().startLine).toBe(`GET ${seen} HTTP/1.1`)
  })

  test.each([
    ['own.test', 'own'],
    ['OWN.test:8443', 'own'],
    ['ab.regex.test', 'regex'],
    ['a1.regex.test', '404'],
    ['a.b.regex.test', '404'],
    ['a-1.name.test', 'name'],
    ['a.b.name.test', '404'],
    ['port.test:81', 'port'],
    ['port.test', '404'],
    ['main.test', 'main'],
    ['main.test:80', 'main'],
    ['other.test', '404'],
  ])('27.20 on the host %s the path /a/ is for %s', async (host, expected) => {
    expect(await servedBy(stages.domains, '/a/x', host)).toBe(expected)
  })

  test('27.20 a disabled domain leaves the hostname of the gateway in force, and without custom domains none counts', async () => {
    expect(await servedBy(stages.domains, '/off/x', 'off.test')).toBe('404')
    expect(await servedBy(stages.domains, '/off/x', 'main.test')).toBe('off')
    expect(await servedBy(stages.main, '/domain/x', 'any.test')).toBe('domain')
  })

  test('27.20 the host of a target in absolute form counts before Host', async () => {
    const { upstream, gateway } = stages.domains
    await exchange(gateway.port, 'GET http://own.test/a/x HTTP/1.1\r\nHost: main.test\r\n\r\n')
    expect(valuesOf(upstream.last(), 'X-Api')).toEqual(['own'])
  })

  test.each([
    ['/internal/x', '404'],
    ['/inactive/x', 'inactive'],
  ])('27.21 %s is for %s: what is internal has no route, what is not active has one', async (path, expected) => {
    expect(await servedBy(stages.main, path)).toBe(expected)
  })

  test('27.22 what meets no API is answered 404 in plain text, and leaves no record', async () => {
    for (const [method, body] of [
      ['GET', ''],
      ['POST', 'b'],
      ['DELETE', ''],
    ] as const) {
      const answer = await stages.main.ask(method, '/none/x', [`Content-Length: ${body.length}`], body)
      expect(answer.raw).toMatch(NOT_FOUND)
    }
    expect((await stages.strict.ask('GET', '/applebottom')).raw).toMatch(NOT_FOUND)
    await stages.main.ask('GET', '/app/recorded')
    const isLast = ({ originalPath }: { originalPath: string }): boolean => originalPath === '/app/recorded'
    const records = await recordsUntil(stages.main.redis.url, isLast)
    expect(records.map(({ originalPath }) => originalPath)).not.toContain('/none/x')
    expect(records.map(({ responseCode }) => responseCode)).not.toContain(404)
  })

  const matched = async (stage: Stage, path: string): Promise<string> =>
    valuesOf(await stage.seenUpstream('GET', `/marks${path}`), 'X-Mark').join()

  test.each<[string, string, string]>([
    ['/users', 'plain', 'plain'],
    ['/users/7', 'plain', ''],
    ['/a/users', 'plain', ''],
    ['/orders/7', 'named', 'named'],
    ['/orders/', '', ''],
    ['/orders/7/x', 'named', ''],
    ['/typed/abc/end', 'typed', 'typed'],
    ['/typed/a/b/end', '', ''],
    ['/q/7xyz/end', 'quantified', 'quantified'],
    ['/q/777/end', 'quantified', 'quantified'],
    ['/q/7/end', '', ''],
    ['/files/a/end', 'star', 'star'],
    ['/files/a/b/end', '', ''],
    ['/tail/', 'tail', 'tail'],
    ['/tail/a/b', 'tail', 'tail'],
    ['/tail', '', ''],
    ['/x/re/12', 'regex', ''],
    ['/re/12', 'regex', 'regex'],
  ])('27.23 the endpoint of %s is %j, and %j with prefix and suffix matching', async (path, found, anchored) => {
    expect(await matched(stages.main, path)).toBe(found)
    expect(await matched(stages.strict, path)).toBe(anchored)
  })

  test.each([
    ['/marks/marks/users', 'plain', 'plain'],
    ['/marks/marks/users/7', 'plain', ''],
  ])('27.23 %s is searched with the listen path stripped once and twice', async (path, found, anchored) => {
    expect(valuesOf(await stages.main.seenUpstream('GET', path), 'X-Mark').join()).toBe(found)
    expect(valuesOf(await stages.strict.seenUpstream('GET', path), 'X-Mark').join()).toBe(anchored)
  })

  test.each([
    ['GET', '/lists/whole', '403'],
    ['GET', '/lists/stripped', '200'],
    ['POST', '/lists/stripped', '403'],
    ['GET', '/lists/x/whole', '200'],
  ])('27.23 lists see %s %s with and without its listen path: %s', async (method, path, status) => {
    expect((await stages.main.ask(method, path)).startLine.split(' ')[1]).toBe(status)
  })

  test.each([
    ['/folded/X', 'folded'],
    ['/behindx', ''],
    ['/behind', ''],
    [`/slow/${'a'.repeat(50)}`, 'backtracking'],
    [`/slow/${'a'.repeat(5000)}!`, ''],
  ])('27.24 patterns are RE2: %s meets %j', async (path, found) => {
    expect(await matched(stages.main, path)).toBe(found)
  })

  test('27.24 listen paths are RE2 as well, and a pattern that is none is named in the log', async () => {
    expect(await servedBy(stages.main, '/case12/x')).toBe('re2')
    expect(await servedBy(stages.main, '/casex/x')).toBe('404')
    await stages.main.gateway.program.waitForLine(/Endpoint path is not a regular expression.*behind/)
  })

  test.each([
    ['/hello', '200'],
    ['/hello?x=1', '200'],
    ['/hellos', 'shadowed'],
    ['/tyk/x', '403'],
    ['/tyk/', '403'],
    ['/tyk', '404'],
    ['/tyk-free/x', 'tyk'],
  ])('27.64 %s is for %s: the gateway’s own routes come before every API', async (path, expected) => {
    expect(await servedBy(stages.main, path)).toBe(expected)
  })

  test('27.64 without the secret every control route answers the same JSON line', async () => {
    for (const path of ['/tyk/apis', '/tyk/reload', '/tyk/keys/x', '/tyk/no-such-thing']) {
      const answer = await stages.main.ask('GET', path, ['X-Tyk-Authorization: wrong'])
      expect(answer.startLine).toBe('HTTP/1.1 403 Forbidden')
      expect(valuesOf(answer, 'Content-Type')).toEqual(['application/json'])
      expect(answer.body).toBe(
        '{"status":"error","message":"Attempted administrative access with invalid or missing key!"}\n',
      )
    }
    const secret = [`X-Tyk-Authorization: ${stages.main.gateway.secret}`]
    const wrongMethod = await stages.main.ask('PATCH', '/tyk/reload', secret)
    expect(wrongMethod.startLine).toBe('HTTP/1.1 405 Method Not Allowed')
    expect(wrongMethod.body).toBe('{"status":"error","message":"Method not supported"}\n')
    const unknown = await stages.main.ask('GET', '/tyk/no-such-thing', secret)
    expect([unknown.startLine, unknown.body]).toEqual(['HTTP/1.1 404 Not Found', '404 page not found\n'])
  })

  test('27.64 with a control port the routes are there alone, and APIs may have their paths', async () => {
    const { redis, upstream } = stages.main
    const port = await freePort()
    await using gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'tyk.json': named(upstream.url, 'tyk', '/tyk/'), 'hello.json': named(upstream.url, 'hello', '/hello') },
      conf: { control_api_port: port },
      unchecked: true,
    })
    await gateway.program.waitForLine(/Listening on port/)
    const stage = { ...stages.main, gateway, upstream, redis }
    expect(await servedBy(stage, '/tyk/apis')).toBe('tyk')
    expect(await servedBy(stage, '/hello')).toBe('hello')
    const control = async (path: string): Promise<string | undefined> =>
      (await exchange(port, requestText('GET', path))).startLine.split(' ')[1]
    expect(await control('/tyk/apis')).toBe('403')
    expect(await control('/hello')).toBe('200')
  })
})
