import { expect, test } from 'vitest'
import { parseProxyUrl, proxyFromEnvironment, ProxyUrlError } from './forward-proxy.ts'
import { parseTarget } from './upstream-url.ts'

test.each<[string, string, boolean]>([
  ['', 'http://a.test/', true],
  ['*', 'http://a.test/', false],
  ['a.test', 'http://a.test/', false],
  ['A.TEST', 'http://a.test/', false],
  ['a.test', 'http://sub.a.test/', false],
  ['a.test', 'http://xa.test/', true],
  ['.a.test', 'http://a.test/', true],
  ['.a.test', 'http://sub.a.test/', false],
  ['*.a.test', 'http://sub.a.test/', false],
  ['b.test, a.test', 'http://a.test/', false],
  ['a.test:8080', 'http://a.test:8080/', false],
  ['a.test:8080', 'http://a.test/', true],
  ['10.0.0.1', 'http://10.0.0.1/', false],
  ['10.0.0.1', 'http://10.0.0.2/', true],
  ['10.0.0.0/8', 'http://10.9.9.9/', false],
  ['10.0.0.0/8', 'http://11.0.0.1/', true],
  ['fd00::/8', 'http://[fd00::1]/', false],
  ['[fd00::1]:80', 'http://[fd00::1]/', false],
  ['', 'http://localhost/', false],
  ['', 'http://127.0.0.9/', false],
  ['', 'http://[::1]/', false],
])('with NO_PROXY=%j a request to %s is proxied: %s', (noProxy, target, proxied) => {
  const choose = proxyFromEnvironment({ HTTP_PROXY: 'http://proxy.test:3128', NO_PROXY: noProxy })
  expect(choose(parseTarget(target)) !== null).toBe(proxied)
})

test('each scheme has its own variable', () => {
  const choose = proxyFromEnvironment({ https_proxy: 'http://secure.test:1' })
  expect(choose(parseTarget('https://a.test'))).toMatchObject({ hostname: 'secure.test', port: 1 })
  expect(choose(parseTarget('http://a.test'))).toBeNull()
})

test.each([
  ['proxy.test:3128', { scheme: 'http', hostname: 'proxy.test', port: 3128, authorization: null }],
  ['http://proxy.test', { scheme: 'http', hostname: 'proxy.test', port: 80, authorization: null }],
  ['https://[::1]', { scheme: 'https', hostname: '::1', port: 443, authorization: null }],
  ['http://u:p%3A@h:1', { scheme: 'http', hostname: 'h', port: 1, authorization: 'Basic dTpwOg==' }],
])('reads %s', (text, expected) => {
  expect(parseProxyUrl(text)).toEqual(expected)
})

test.each(['socks5://h', 'http://'])('refuses %s', (text) => {
  expect(() => parseProxyUrl(text)).toThrow(ProxyUrlError)
})
