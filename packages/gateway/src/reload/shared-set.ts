import { compileApi, type CompileDeps } from '../api-definition/compile.ts'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { LoadedDefinition } from '../api-definition/load.ts'
import type { ApiDefinition } from '../api-definition/schema.ts'
import type { KnownSecret } from '../secrets/secret-values.ts'
import type { Policy } from '../session/policies.ts'
import { buildSet, nextTurn, wholeOrClosed, APIS_PER_TURN, type ApiSet } from './api-set.ts'

/**
 * What a reload led to, for the other processes of the gateway: they do not look at files, which may have changed
 * again, and need not know why an older form of an API or another listen path is in force.
 */
export interface SharedSet {
  /** Every API that is served, in order. */
  readonly apis: readonly SharedApi[]
  /** JSON of all policies; null: as before. */
  readonly policies: string | null
  /** A load has worked since the start. */
  readonly loadedOnce: boolean
  /** What variables of the APIs stand for, as it was at the load: stores may be away when another process starts. */
  readonly secrets: readonly KnownSecret[]
}

export interface SharedApi {
  readonly apiId: string
  readonly file: string
  readonly checksum: string
  readonly lacksSecrets: boolean
  /** As routed. */
  readonly listenPath: string
  /** JSON of the definition; null: it did not change. */
  readonly definition: string | null
}

/** Describes a set by what it has that the one before had not. */
export function shareSet(
  next: ApiSet,
  previous: ApiSet,
  policies: string | null,
  loadedOnce: boolean,
  secrets: readonly KnownSecret[] = [],
): SharedSet {
  const apis = next.apis.map(({ apiId, file, checksum, lacksSecrets, listenPath, definition }) => ({
    apiId,
    file,
    checksum,
    lacksSecrets,
    listenPath,
    definition: previous.byId.get(apiId)?.checksum === checksum ? null : JSON.stringify(definition),
  }))
  return { apis, policies, loadedOnce, secrets }
}

/** Puts a change over what was known before: the result stands on its own. */
export function mergeSets(before: SharedSet | null, change: SharedSet): SharedSet {
  const known = new Map(before?.apis.map((api) => [api.apiId, api.definition]))
  return {
    apis: change.apis.map((api) => ({ ...api, definition: api.definition ?? known.get(api.apiId) ?? null })),
    policies: change.policies ?? before?.policies ?? null,
    loadedOnce: change.loadedOnce,
    secrets: change.secrets,
  }
}

/** A process lacks what a change builds on. */
export class SharedSetError extends Error {
  readonly code = 'GATEWAY_SHARED_SET'
}

export const parsePolicies = (json: string): Policy[] => JSON.parse(json) as Policy[]

/**
 * Builds the set that another process has built.
 *
 * @param quietly - runs the compilation of one API, whose log lines the other process has written.
 * @throws SharedSetError when a definition that did not change is not there, ApiSkippedError when one cannot be served
 * here.
 */
export async function adoptSet(
  shared: SharedSet,
  previous: ApiSet,
  deps: CompileDeps,
  quietly: <T>(work: () => T) => T,
): Promise<ApiSet> {
  return wholeOrClosed(previous, async (apis) => {
    for (const [i, each] of shared.apis.entries()) {
      if (i > 0 && i % APIS_PER_TURN === 0) await nextTurn()
      const before = previous.byId.get(each.apiId)
      if (before?.checksum === each.checksum && before.listenPath === each.listenPath) apis.push(before)
      else apis.push(quietly(() => compileApi(loadedFrom(each, before), each.listenPath, deps)))
    }
    return quietly(() => buildSet(apis, deps))
  })
}

function loadedFrom(
  { apiId, file, checksum, lacksSecrets, definition }: SharedApi,
  before: CompiledApi | undefined,
): LoadedDefinition {
  const loaded = { file, checksum, lacksSecrets }
  if (definition !== null) return { ...loaded, definition: JSON.parse(definition) as ApiDefinition }
  if (before?.checksum === checksum) return { ...loaded, definition: before.definition }
  throw new SharedSetError(`the definition of API ${apiId} is not known here`)
}
