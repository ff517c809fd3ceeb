import { RE2JS } from 're2js'
import { describe, expect, test } from 'vitest'
import { compilePathPattern } from './path-pattern.ts'
import { matchesSegments, segmentPatternOf } from './segments.ts'

const PLAIN = { prefix: false, suffix: false }
const PREFIX = { prefix: true, suffix: false }
const SUFFIX = { prefix: false, suffix: true }
const BOTH = { prefix: true, suffix: true }

test.each([
  ['/users', PLAIN, '/a/users/b', true],
  ['/users', PLAIN, '/Users', false],
  ['', PLAIN, '/anything', true],
  ['', SUFFIX, '/anything', true],
  ['/users', PREFIX, '/users/1', true],
  ['/users', PREFIX, '/a/users', false],
  ['/users', SUFFIX, '/a/users', true],
  ['/users', SUFFIX, '/users/1', false],
  ['/users', BOTH, '/users', true],
  ['/users', BOTH, '/users/', false],
  ['users', BOTH, '/a/users', true],
  ['/users/{id}', BOTH, '/users/7', true],
  ['/users/{id}', BOTH, '/users/', false],
  ['/users/{id}', BOTH, '/users/7/8', false],
  ['/users/{id:[0-9]+}', BOTH, '/users/ann', true],
  ['/users/{id}$', PREFIX, '/users/7', true],
  ['/a/{b}/c/{d}/e', PLAIN, '/x/a/1/c/2/e', true],
  ['/a/{b}/c', PLAIN, '/a/1/a/2/c', true],
  ['/items/*', PREFIX, '/items/', true],
  ['/items/*', PREFIX, '/items', false],
  ['/items/*', BOTH, '/items/1/2', true],
  ['/items/*', BOTH, '/items/1\n2', false],
  ['/a/*/b', PLAIN, '/a/1/b', true],
  ['/a/*/b', PLAIN, '/a/1/2/b', false],
  ['/re/[0-9]+$', PLAIN, '/re/12', true],
  ['/re/[0-9]+$', PLAIN, '/re/x', false],
  ['/v1.0/x', PLAIN, '/v1x0/x', true],
  ['/grün', PLAIN, Buffer.from('/grün').toString('latin1'), true],
])('%s with %j and %s', (pattern, matching, path, expected) => {
  expect(compilePathPattern(pattern, matching)?.(path)).toBe(expected)
})

test.each([
  ['/Users/{id}', '/USERS/7', true],
  ['/Users/{id}', '/USERS/', false],
  ['/GRÜN', Buffer.from('/grün').toString('latin1'), true],
  ['/kelvin', Buffer.from('/\u212Aelvin').toString('latin1'), true],
])('%s without letter case and %s', (pattern, path, expected) => {
  expect(compilePathPattern(pattern, PLAIN, true)?.(path)).toBe(expected)
})

test('a pattern that is no regular expression is none', () => {
  expect(compilePathPattern('/(', PLAIN)).toBeNull()
  expect(compilePathPattern('/(', PLAIN, true)).toBeNull()
})

describe('patterns of literals and segments', () => {
  const regexes = ['', '/', '/a', '^/a', '/a$', '^/a$', '^$', '/a/[^/]+', '/a/([^/]+)$', '^/a/[^/]+/b', '/[^/]+/b$']
  regexes.push('/a/[^/]+/[^/]+/b', '^/a/.*', '/a/.*$', '/[^/]+/.*$', 'a', 'a$', '^/[^/]+/[^/]+$')
  const pieces = ['/', 'a', 'b', '/a', '/b', '\n', '//', '/a/b', 'ab']
  const paths = pieces.flatMap((x) => pieces.flatMap((y) => pieces.flatMap((z) => [`/${x}${y}${z}`, x + y + z])))

  test.each(regexes)('%j finds what the regular expression finds', (regex) => {
    const segments = segmentPatternOf(regex)
    expect(segments).not.toBeNull()
    const re2 = RE2JS.compile(regex)
    const differing = paths.filter((path) => segments !== null && matchesSegments(segments, path) !== re2.test(path))
    expect(differing).toEqual([])
  })

  test.each(['/a.b', '/a|b', '/(a)', '/a?', '/[0-9]', 'x[^/]+', '/[^/]+x', '/a/[^/]+.*', '/a\\$', '/.*/b', '/[^/]+?/'])(
    '%j is left to the regular expression',
    (regex) => {
      expect(segmentPatternOf(regex)).toBeNull()
    },
  )
})
