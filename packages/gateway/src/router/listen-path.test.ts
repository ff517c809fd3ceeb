import { describe, expect, test } from 'vitest'
import { compileListenPath, effectiveLength, ListenPathError } from './listen-path.ts'

describe('a listen path matches as a prefix', () => {
  test.each([
    ['/app', ['/app', '/app/', '/app/x', '/apple'], ['/ap']],
    ['/app/', ['/app/', '/app/x'], ['/app']],
    ['/', ['/', '/anything'], []],
    ['/bob/{n:.*}', ['/bob/', '/bob/a/b'], ['/bob']],
    ['/c/{n:.*}/suffix', ['/c/a/suffix', '/c/a/b/suffixfoo'], ['/c/suffix']],
    ['/{t:foo|bar}', ['/foo/get', '/bar'], ['/baz']],
    ['/v/{id}/x', ['/v/7/x', '/v/7/xy'], ['/v//x', '/v/7/8/x']],
    ['/q.{a}', ['/q.1'], ['/qa1']],
  ])('%s', (text, matching, other) => {
    const listenPath = compileListenPath(text)
    for (const path of matching) expect(listenPath.match(path), path).toBeGreaterThan(0)
    for (const path of other) expect(listenPath.match(path), path).toBe(-1)
  })
})

test.each(['/a/{b', '/a/b}', '/{x:(a|b)}', '/{x:[}', '/{}', '/{x:}', '/{:a}'])('refuses %s', (text) => {
  expect(() => compileListenPath(text)).toThrow(ListenPathError)
})

test('counts segments that are templates as nothing, but their slashes', () => {
  expect(effectiveLength('/abc/')).toBe(5)
  expect(effectiveLength('/{a}/b')).toBe(3)
  expect(effectiveLength('/x{a}/b')).toBe(7)
})
