import { expect, test } from 'vitest'
import { cleanPath } from './clean-path.ts'

test.each([
  ['', '/'],
  ['/', '/'],
  ['/a', '/a'],
  ['/a/', '/a/'],
  ['/a//b', '/a/b'],
  ['//', '/'],
  ['/a/./b', '/a/b'],
  ['/a/../b', '/b'],
  ['/a/b/..', '/a'],
  ['/..', '/'],
  ['/../../x/', '/x/'],
  ['/a/.', '/a'],
  ['/a/./', '/a/'],
  ['a/b', '/a/b'],
  ['/.hidden', '/.hidden'],
  ['/a/...', '/a/...'],
  ['/a/..b', '/a/..b'],
])('cleans %j to %j', (path, cleaned) => {
  expect(cleanPath(path)).toBe(cleaned)
})

test('returns a clean path itself, so that callers can tell by identity', () => {
  const path = '/a/b%2Fc/.well-known/'
  expect(cleanPath(path)).toBe(path)
})
