import { pino } from 'pino'
import { expect, test } from 'vitest'
import { apiWith, depsWith } from '../../test/support/steps.ts'
import { compileEndpoints, compileListForms, entriesOf } from './endpoint.ts'

const withPaths = (definition: Record<string, unknown>, useExtended = true) =>
  apiWith({
    version_data: {
      not_versioned: true,
      versions: { Default: { use_extended_paths: useExtended, extended_paths: definition } },
    },
  })

function found(entries: Record<string, unknown>[], method: string, path: string): number | null {
  const api = withPaths({ size_limits: entries })
  const version = api.definition.version_data.versions['Default']
  if (version === undefined) throw new Error('no version')
  const find = compileEndpoints(entriesOf(version, 'size_limits'), api, depsWith(), (entry) => entry.size_limit)
  return find === null ? null : find(method, path)
}

test.each<[string, Record<string, unknown>[], string, string, number | null]>([
  ['path and method fit', [{ path: '/x', method: 'GET', size_limit: 1 }], 'GET', '/app/x', 1],
  ['another method', [{ path: '/x', method: 'GET', size_limit: 1 }], 'POST', '/app/x', null],
  ['a method in lower case', [{ path: '/x', method: 'get', size_limit: 1 }], 'GET', '/app/x', null],
  ['no method fits no request', [{ path: '/x', method: '', size_limit: 1 }], 'GET', '/app/x', null],
  [
    'the first of two',
    [
      { path: '/x', method: 'GET', size_limit: 1 },
      { path: '/x', method: 'GET', size_limit: 2 },
    ],
    'GET',
    '/app/x',
    1,
  ],
  ['the listen path is not seen', [{ path: '/app/x', method: 'GET', size_limit: 1 }], 'GET', '/app/x', null],
  ['a second listen path is', [{ path: '^/app/x', method: 'GET', size_limit: 1 }], 'GET', '/app/app/x', 1],
  ['and is stripped as well', [{ path: '^/x', method: 'GET', size_limit: 1 }], 'GET', '/app/app/x', 1],
  ['a disabled entry', [{ path: '/x', method: 'GET', size_limit: 1, disabled: true }], 'GET', '/app/x', null],
])('%s', (_, entries, method, path, expected) => {
  expect(found(entries, method, path)).toBe(expected)
})

test('entries have no effect in a version that does not use them', () => {
  const { versions } = withPaths({ size_limits: [{ path: '/x', method: 'GET' }] }, false).definition.version_data
  expect(Object.values(versions).flatMap((version) => entriesOf(version, 'size_limits'))).toEqual([])
})

test('a path that is no regular expression is reported and skipped', () => {
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => lines.push(line) })
  const api = withPaths({})
  const entries = [
    { path: '(', method: 'GET', disabled: false },
    { path: '/x', method: 'GET', disabled: false },
  ]
  const find = compileEndpoints(entries, api, depsWith({ log }), (entry) => entry.path)
  expect(find?.('GET', '/app/x')).toBe('/x')
  expect(lines.join()).toContain('Endpoint path is not a regular expression')
})

test.each<[string, Record<string, unknown>, string, string[]]>([
  ['without listen path and whole', {}, '/app/x/y', ['/x/y', '/app/x/y']],
  ['without the version segment too', { strip_path: true }, '/app/v1/x', ['/x', '/v1/x', '/app/v1/x']],
  ['a last segment is no version', { strip_path: true }, '/app/v1', ['/v1', '/app/v1']],
  [
    'a segment outside the pattern is no version',
    { strip_versioning_data: true, url_versioning_pattern: '^v[0-9]+$' },
    '/app/users/7',
    ['/users/7', '/app/users/7'],
  ],
])('forms of a path: %s', (_, definition, path, forms) => {
  expect(compileListForms(apiWith({ definition }))(path)).toEqual(forms)
})

test('a version pattern that is no regular expression refuses the API', () => {
  const api = apiWith({ definition: { strip_path: true, url_versioning_pattern: '(' } })
  expect(() => compileListForms(api)).toThrow('url_versioning_pattern')
})
