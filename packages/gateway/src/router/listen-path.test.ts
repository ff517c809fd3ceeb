import { describe, expect, test } from 'vitest'
import { toByteString } from '../byte-string.ts'
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

test.each([
  ['/café/', '/café/x', '/café/'],
  ['/{x:\\pL+}/', '/über/x', '/über/'],
  ['/{x:.}/y', '/ü/y/z', '/ü/y'],
  ['/é{id}/', '/é7/x', '/é7/'],
])('%s is about the characters of %s', (text, path, matched) => {
  const listenPath = compileListenPath(text)
  const bytes = toByteString(path)
  expect(bytes.slice(0, listenPath.match(bytes))).toBe(toByteString(matched))
  expect(bytes.startsWith(listenPath.literal)).toBe(true)
})

test('a template takes bytes that are no text for one character each', () => {
  const path = '/v/\u00ff\u00fe/x/rest'
  expect(compileListenPath('/v/{id}/x').match(path)).toBe('/v/\u00ff\u00fe/x'.length)
})

test.each(['/a/{b', '/a/b}', '/{x:(a|b)}', '/{x:[}', '/{}', '/{x:}', '/{:a}'])('refuses %s', (text) => {
  expect(() => compileListenPath(text)).toThrow(ListenPathError)
})

test('counts segments that are templates as nothing, but their slashes', () => {
  expect(effectiveLength('/abc/')).toBe(5)
  expect(effectiveLength('/{a}/b')).toBe(3)
  expect(effectiveLength('/x{a}/b')).toBe(7)
})
