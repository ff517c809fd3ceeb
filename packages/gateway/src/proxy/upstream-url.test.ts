import { describe, expect, test } from 'vitest'
import { decodeDefinition } from '../api-definition/decode.ts'
import { compileListenPath } from '../router/listen-path.ts'
import { encodedPath, escapePath, unescapePath } from './escape.ts'
import { joinPaths, joinQueries, parseTarget, TargetUrlError, upstreamPath } from './upstream-url.ts'

describe('the path sent upstream keeps a valid encoding and encodes anew what is none', () => {
  test.each([
    ['/(abc,xyz)', '/%28abc,xyz%29', '/(abc,xyz)'],
    ['/%28abc,xyz%29', '/%28abc,xyz%29', '/%28abc,xyz%29'],
    ['/a%2Fb', '/a%2Fb', '/a%2Fb'],
    ['/a%2fb', '/a%2fb', '/a%2fb'],
    ['/a%20b', '/a%20b', '/a%20b'],
    ['/caf%C3%A9', '/caf%C3%A9', '/caf%C3%A9'],
    ['/%7Eu', '/%7Eu', '/%7Eu'],
    ['/a[1]', '/a%5B1%5D', '/a[1]'],
    ["/it's", '/it%27s', "/it's"],
    ['/plain', '/plain', '/plain'],
  ])('%s', (received, byDefault, withoutEscaping) => {
    const decoded = unescapePath(received) as string
    expect(encodedPath(received, decoded, false)).toBe(byDefault)
    expect(encodedPath(received, decoded, true)).toBe(withoutEscaping)
  })
})

test('refuses a percent sign without two hexadecimal digits', () => {
  for (const bad of ['/%', '/%2', '/%zz', '/a%g1']) expect(unescapePath(bad), bad).toBeNull()
})

test('escapes every byte that Go escapes', () => {
  expect(escapePath('/ %?#"é')).toBe('/%20%25%3F%23%22%E9')
  expect(escapePath('/A-z0_.~$&+,:;=@')).toBe('/A-z0_.~$&+,:;=@')
})

test.each([
  ['', '/', false, ''],
  ['/base/', '/', false, '/base'],
  ['/base', '/x/', false, '/base/x/'],
  ['/base//', '//x', false, '/base/x'],
  ['/base/', '/', true, '/base/'],
  ['/base/', '', true, '/base/'],
  ['/base', '', true, '/base'],
  ['/base/', '/x', true, '/base/x'],
])('joins %j and %j (keep the base: %j) to %j', (base, path, keep, joined) => {
  expect(joinPaths(base, path, keep)).toBe(joined)
})

test('puts the target query first and changes no byte of the request query', () => {
  expect(joinQueries('a=1', 'b=%20+;c')).toBe('a=1&b=%20+;c')
  expect(joinQueries('', 'b')).toBe('b')
  expect(joinQueries('a', '')).toBe('a')
})

describe('from a request to the upstream path', () => {
  test.each([
    ['http://up/base', '/app/', true, '/app/x/y', 'z=1', '/base/x/y?z=1'],
    ['http://up/base', '/app/', true, '/app/', '', '/base'],
    ['http://up/base', '/app/', false, '/app/x', '', '/base/app/x'],
    ['http://up/base', '/{v}/svc/', true, '/v1/svc/x', '', '/base/x'],
    ['http://up/base', '/', true, '/http://e.com/a', '', '/base/http://e.com/a'],
    ['http://up', '/app/', true, '/app/', '', '/'],
    ['http://up', '/app', true, '/apple/x', '', '/le/x'],
    ['http://up/b?k=v', '/app/', true, '/app/a%2Fb', 'q=1', '/b/a%2Fb?k=v&q=1'],
    ['http://up', '/app/', true, '/app/caf%C3%A9', '', '/caf%C3%A9'],
    ['http://up', '/café/', true, '/caf%C3%A9/x%C3%BC', '', '/x%C3%BC'],
    ['http://up', '/{v:\\pL+}/', true, '/caf%c3%a9/x', '', '/x'],
  ])('%s %s (strip %j): %s?%s → %s', (target, listenPath, strip, path, query, expected) => {
    const definition = decodeDefinition({ proxy: { listen_path: listenPath, strip_listen_path: strip } })
    const rules = {
      target: parseTarget(target),
      listenPath: compileListenPath(listenPath),
      definition,
      skipTargetPathEscaping: false,
    }
    expect(upstreamPath(rules, path, unescapePath(path) as string, query).target).toBe(expected)
  })
})

test('takes a target URL apart without changing it', () => {
  expect(parseTarget('http://user:pw@Host.example:8080/a%2Fb/?x=1')).toMatchObject({
    scheme: 'http',
    authority: 'Host.example:8080',
    port: 8080,
    rawBase: '/a%2Fb/',
    base: '/a/b/',
    query: 'x=1',
  })
  expect(parseTarget('https://h')).toMatchObject({ port: 443, authority: 'h' })
  expect(parseTarget('ws://[::1]:9/')).toMatchObject({ scheme: 'http', hostname: '::1', authority: '[::1]:9' })
})

test.each(['', 'up:8080', '/path', 'ftp://h/', 'tyk://other/', 'http:///x', 'http://h/%zz'])(
  'refuses the target %j',
  (text) => {
    expect(() => parseTarget(text)).toThrow(TargetUrlError)
  },
)
