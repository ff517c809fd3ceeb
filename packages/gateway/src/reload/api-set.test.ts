import { describe, expect, test } from 'vitest'
import { loadedDefinition } from '../../test/support/loaded-definition.ts'
import { depsWith } from '../../test/support/steps.ts'
import type { CompileDeps } from '../api-definition/compile.ts'
import type { LoadedDefinition } from '../api-definition/load.ts'
import { createLogger } from '../log/logger.ts'
import type { UpstreamTransport } from '../proxy/transport.ts'
import { buildApiSet, emptyApiSet, type ApiSet } from './api-set.ts'
import { adoptSet, shareSet } from './shared-set.ts'

interface TestGateway {
  readonly lines: string[]
  /** Ids of APIs whose transport was made and not closed, in order. */
  readonly open: string[]
  readonly deps: CompileDeps
}

function gatewayWith(config: Record<string, unknown>): TestGateway {
  const lines: string[] = []
  const open: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLogger({ format: 'json', level: 'error', destination, isTty: false })
  const createTransport = ({ api_id: id }: { api_id: string }): UpstreamTransport => {
    open.push(id)
    return { close: async () => void open.splice(open.lastIndexOf(id), 1) } as UpstreamTransport
  }
  return { lines, open, deps: { ...depsWith({ config, log }), createTransport } }
}

const build = (previous: ApiSet, deps: CompileDeps, ...definitions: LoadedDefinition[]): Promise<ApiSet> =>
  buildApiSet({ definitions, failed: new Set() }, previous, deps)

const servedBy = ({ router }: ApiSet, host: string, path: string): string | null => {
  const match = router.match(host, path)
  return match.kind === 'api' ? match.api.apiId : null
}

describe('a domain that no host can be compared with', () => {
  const BAD = [
    ['{a', 'unbalanced braces in "{a"'],
    ['a}', 'unbalanced braces in "a}"'],
    ['{}.test', 'missing name or pattern in "{}"'],
    ['{x:[}', 'missing closing ]'],
  ] as const

  test.each(BAD)('%s skips its API alone', async (domain, problem) => {
    const { deps, lines, open } = gatewayWith({ enable_custom_domains: true })
    const set = await build(
      emptyApiSet(),
      deps,
      loadedDefinition('a'),
      loadedDefinition('b', { domain }),
      loadedDefinition('c', { domain: 'c.test' }),
    )
    expect([servedBy(set, 'h', '/a/'), servedBy(set, 'h', '/b/'), servedBy(set, 'c.test', '/c/')]).toEqual([
      'a',
      null,
      'c',
    ])
    expect(open).toEqual(['a', 'c'])
    const [line] = lines.map((each) => JSON.parse(each) as Record<string, unknown>)
    expect(line).toMatchObject({ message: 'API skipped', api_id: 'b', api_name: 'b', file: 'b.json' })
    expect(line?.['reason']).toContain(`domain "${domain}": `)
    expect(line?.['reason']).toContain(problem)
    expect(line?.['reason']).toContain('write a host name')
  })

  test.each(BAD)('%s at a reload leaves the last good form of its API, and the others change', async (domain) => {
    const { deps, lines, open } = gatewayWith({ enable_custom_domains: true })
    const before = await build(emptyApiSet(), deps, loadedDefinition('a'), loadedDefinition('b', { domain: 'b.test' }))
    const set = await build(before, deps, loadedDefinition('a', { name: 'new' }), loadedDefinition('b', { domain }))
    expect(set.byId.get('a')?.apiName).toBe('new')
    expect(set.byId.get('b')).toBe(before.byId.get('b'))
    expect(servedBy(set, 'b.test', '/b/')).toBe('b')
    expect(open).toEqual(['a', 'b', 'a'])
    expect(lines.join('')).toMatch(/API skipped.*[^]*its last good version stays in service/)
  })

  test.each([
    ['where domains are off', {}, {}],
    ['that is disabled', { enable_custom_domains: true }, { domain_disabled: true }],
  ])('does not matter %s', async (_, config, changes) => {
    const { deps, lines } = gatewayWith(config)
    const set = await build(emptyApiSet(), deps, loadedDefinition('a', { ...changes, domain: '{a' }))
    expect([servedBy(set, 'h', '/a/'), lines]).toEqual(['a', []])
  })
})

describe('a set that cannot be put together', () => {
  /** Fails where the set is whole but for its router. */
  const failing = (deps: CompileDeps): CompileDeps => ({ ...deps, config: { ...deps.config, hostname: '{' } })

  test('leaves no new transport open, and closes none of the set before', async () => {
    const { deps, open } = gatewayWith({})
    const before = await build(emptyApiSet(), deps, loadedDefinition('a'), loadedDefinition('b'))
    const next = [loadedDefinition('a'), loadedDefinition('b', { name: 'new' }), loadedDefinition('c')]
    await expect(build(before, failing(deps), ...next)).rejects.toThrow('unbalanced braces')
    expect(open).toEqual(['a', 'b'])
  })

  test('does so where another process has built it', async () => {
    const { deps, open } = gatewayWith({})
    const before = await build(emptyApiSet(), deps, loadedDefinition('a'), loadedDefinition('b'))
    const theirs = gatewayWith({})
    const next = await build(
      before,
      theirs.deps,
      loadedDefinition('a'),
      loadedDefinition('b', { name: 'new' }),
      loadedDefinition('c'),
    )
    const shared = shareSet(next, before, null, true)
    await expect(adoptSet(shared, before, failing(deps), (work) => work())).rejects.toThrow('unbalanced braces')
    expect(open).toEqual(['a', 'b'])
  })
})
