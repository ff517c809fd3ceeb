import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apiWith } from '../../test/support/steps.ts'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import { effectiveLength } from './listen-path.ts'
import { buildRouter, compileHost, type RouterOptions } from './router.ts'

const options: RouterOptions = { enableCustomDomains: true, strictRoutes: false, hostname: '' }

const api = (apiId: string, listenPath: string, domain = ''): CompiledApi =>
  apiWith({ api_id: apiId, domain, proxy: { listen_path: listenPath } })

const found = (apis: readonly CompiledApi[], host: string, path: string, using = options): string | null => {
  const match = buildRouter(apis, using).match(host, path)
  return match.kind === 'api' ? match.api.apiId : null
}

describe('a router', () => {
  test.each<[string, [id: string, listenPath: string, domain?: string][], string, string, string | null]>([
    [
      'the longest listen path',
      [
        ['short', '/a/'],
        ['long', '/a/b/'],
      ],
      'h',
      '/a/b/c',
      'long',
    ],
    ['text, not segments', [['app', '/app']], 'h', '/apple', 'app'],
    ['the slash of a listen path', [['app', '/app/']], 'h', '/app', null],
    [
      'the first of equal listen paths',
      [
        ['first', '/a/'],
        ['second', '/a/'],
      ],
      'h',
      '/a/x',
      'first',
    ],
    ['an api_id as a path', [['one', '/a/']], 'h', '/one/x', 'one'],
    ['a template', [['t', '/{any}/b/']], 'h', '/x/b/c', 't'],
    [
      'text before a template of equal length',
      [
        ['t', '/{any}/b/'],
        ['x', '/xyz/b/'],
      ],
      'h',
      '/xyz/b/c',
      'x',
    ],
    [
      'a longer template before shorter text',
      [
        ['t', '/{any}/bbbbbb/'],
        ['x', '/x/'],
      ],
      'h',
      '/x/bbbbbb/c',
      't',
    ],
    [
      'a domain before a longer listen path',
      [
        ['d', '/a/', 'd.test'],
        ['p', '/a/b/'],
      ],
      'd.test',
      '/a/b/c',
      'd',
    ],
    ['a domain without letter case and port', [['d', '/', 'D.test']], 'd.TEST:8080', '/x', 'd'],
    [
      'another domain',
      [
        ['d', '/', 'd.test'],
        ['e', '/', 'e.test'],
      ],
      'e.test',
      '/x',
      'e',
    ],
    ['a domain of a pattern', [['d', '/', '{sub}.d.test']], 'a.d.test', '/x', 'd'],
    ['no domain', [['d', '/', 'd.test']], 'e.test', '/x', null],
  ])('finds %s', (_, apis, host, path, expected) => {
    expect(
      found(
        apis.map((each) => api(...each)),
        host,
        path,
      ),
    ).toBe(expected)
  })

  test('refuses at once where strict routes do not let the first prefix pass', () => {
    const apis = [api('short', '/'), api('app', '/app')]
    const strict = { ...options, strictRoutes: true }
    expect(found(apis, 'h', '/apple', strict)).toBe(null)
    expect(found(apis, 'h', '/app/x', strict)).toBe('app')
    expect(found(apis, 'h', '/other', strict)).toBe('short')
  })

  const paths = fc.string({ unit: fc.constantFrom('/', 'a', 'b'), maxLength: 7 }).map((text) => `/${text}`)
  const listenPaths = fc.oneof(
    paths,
    fc.tuple(paths, paths).map(([a, b]) => `${a}/{x}${b}`),
  )
  const hosts = fc.constantFrom('', 'd.test', 'e.test', '{s}.test', '{s}.d.test')
  const definitions = fc.array(fc.tuple(listenPaths, hosts), { maxLength: 25 })

  test('finds what a look at each listen path in turn finds', () => {
    fc.assert(
      fc.property(
        definitions,
        paths,
        fc.constantFrom('d.test', 'E.test:80', 'x.d.test'),
        fc.boolean(),
        (all, path, host, strictRoutes) => {
          // Ids that no path names: their routes are not what is compared.
          const apis = all.map(([listenPath, domain], i) => api(`id${i}`, listenPath, domain))
          const using = { ...options, strictRoutes }
          expect(found(apis, host, path, using)).toBe(inTurn(apis, host, path, strictRoutes))
        },
      ),
      { numRuns: 500 },
    )
  })
})

/** The rule of the order, written down plainly. */
function inTurn(apis: readonly CompiledApi[], host: string, path: string, strictRoutes: boolean): string | null {
  const rank = ({ definition }: CompiledApi): number => (definition.domain === '' ? 1 : 0)
  const ordered = apis.toSorted(
    (a, b) => rank(a) - rank(b) || effectiveLength(b.listenPath) - effectiveLength(a.listenPath),
  )
  for (const { definition, upstream, apiId, listenPath } of ordered) {
    if (definition.domain !== '' && !compileHost(definition.domain).test(host)) continue
    const length = upstream.listenPath.match(path)
    if (length === -1) continue
    const isStrict = strictRoutes && !listenPath.endsWith('/') && !listenPath.includes('{')
    return isStrict && length !== path.length && path[length] !== '/' ? null : apiId
  }
  return null
}
