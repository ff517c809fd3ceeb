import { describe, expect, test } from 'vitest'
import { loadedDefinition } from '../../test/support/loaded-definition.ts'
import { depsWith } from '../../test/support/steps.ts'
import type { CompileDeps } from '../api-definition/compile.ts'
import type { LoadedDefinition } from '../api-definition/load.ts'
import type { UpstreamTransport } from '../proxy/transport.ts'
import { buildApiSet, emptyApiSet, type ApiSet } from './api-set.ts'
import { adoptSet, mergeSets, shareSet, SharedSetError, type SharedSet } from './shared-set.ts'

const deps: CompileDeps = { ...depsWith(), createTransport: () => ({}) as UpstreamTransport }
const atOnce = <T>(work: () => T): T => work()

/** All of them want the same listen path. */
const loaded = (id: string, changes: Record<string, unknown> = {}): LoadedDefinition =>
  loadedDefinition(id, { proxy: { listen_path: '/same/', target_url: 'http://up.test' }, ...changes })

const load = (previous: ApiSet, ...definitions: LoadedDefinition[]): Promise<ApiSet> =>
  buildApiSet({ definitions, failed: new Set() }, previous, deps)

const adopt = (shared: SharedSet, previous: ApiSet): Promise<ApiSet> => adoptSet(shared, previous, deps, atOnce)

/** As between processes. */
const sent = (shared: SharedSet): SharedSet => JSON.parse(JSON.stringify(shared)) as SharedSet

const shownOf = ({ apis }: ApiSet): unknown =>
  apis.map(({ apiId, listenPath, checksum, file, definition }) => ({ apiId, listenPath, checksum, file, definition }))

describe('a set that another process has built', () => {
  test('is the same here, listen paths and all', async () => {
    const theirs = await load(emptyApiSet(), loaded('a'), loaded('b'))
    expect(theirs.apis.map(({ listenPath }) => listenPath)).toEqual(['/same/-a', '/same/-b'])
    const ours = await adopt(sent(shareSet(theirs, emptyApiSet(), null, true)), emptyApiSet())
    expect(shownOf(ours)).toEqual(shownOf(theirs))
  })

  test('takes over what did not change, whose definition does not travel again', async () => {
    const first = await load(emptyApiSet(), loaded('a'), loaded('b'))
    const ours = await adopt(sent(shareSet(first, emptyApiSet(), null, true)), emptyApiSet())
    const next = await load(first, loaded('a'), loaded('b', { name: 'new' }), loaded('c'))
    const change = sent(shareSet(next, first, null, true))
    expect(change.apis.map(({ definition }) => definition === null)).toEqual([true, false, false])
    const adopted = await adopt(change, ours)
    expect(shownOf(adopted)).toEqual(shownOf(next))
    expect(adopted.byId.get('a')).toBe(ours.byId.get('a'))
    expect(adopted.byId.get('b')?.definition.name).toBe('new')
  })

  test('follows an API that only changed its listen path', async () => {
    const first = await load(emptyApiSet(), loaded('a'), loaded('b'))
    const ours = await adopt(sent(shareSet(first, emptyApiSet(), null, true)), emptyApiSet())
    const next = await load(first, loaded('a'))
    const adopted = await adopt(sent(shareSet(next, first, null, true)), ours)
    expect(shownOf(adopted)).toEqual(shownOf(next))
  })

  test('is whole for a process that starts later', async () => {
    const first = await load(emptyApiSet(), loaded('a'), loaded('b'))
    const next = await load(first, loaded('b'), loaded('c'))
    const known = mergeSets(null, shareSet(first, emptyApiSet(), '[{"id":"p"}]', true))
    const whole = mergeSets(known, shareSet(next, first, null, true))
    expect(whole.policies).toBe('[{"id":"p"}]')
    expect(shownOf(await adopt(sent(whole), emptyApiSet()))).toEqual(shownOf(next))
  })

  test('is refused where what it builds on is missing', async () => {
    const first = await load(emptyApiSet(), loaded('a'))
    await expect(adopt(shareSet(first, first, null, true), emptyApiSet())).rejects.toThrow(SharedSetError)
  })
})
