// Hot path.
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { RedisStores } from '../redis/stores.ts'
import type { Replacement } from './fences.ts'
import type { Session } from './session.ts'
import { createSessionStore } from './store.ts'

/**
 * Sessions of organisations: limits that all their keys share. They are stored as those of keys are, at `orgkey.` with
 * the organisation's id as it is.
 */
export interface Organisations {
  /** The session in this process's memory; null: there is none; undefined: only Redis can tell. */
  peek(orgId: string): Session | null | undefined
  /** Null: there is none, or Redis cannot be asked. */
  find(orgId: string): Promise<Session | null>
  /** Past the copies in this process. Rejects when Redis cannot be asked. */
  load(orgId: string): Promise<Session | null>
  /** Writes copies of quota figures a moment later; see `SessionStore`. */
  noteQuota(orgId: string, session: () => Session, ttlSeconds: number, begunAtMs: number): void
  /** Writes a session now; rejects when Redis refuses. */
  write(orgId: string, session: Session): Promise<void>
  /** False when there was none. Rejects when Redis cannot be asked. */
  remove(orgId: string): Promise<boolean>
  /** Ids of the organisations that have a session. Rejects when Redis cannot be asked. */
  list(): Promise<string[]>
  forget(orgId: string): void
  discard(orgId: string, replacement: Replacement): Promise<void>
  /** Writes what waits. To be called before the Redis connection is closed. */
  close(): Promise<void>
}

export interface OrganisationsDeps {
  readonly redis: Pick<RedisStores, 'main' | 'isUp'>
  readonly config: Pick<GatewayConfig, 'local_session_cache' | 'node_secret'>
  readonly log: Log
  readonly now: () => number
  readonly discardElsewhere?: (orgId: string, replacement: Replacement) => Promise<void>
}

const PREFIX = 'orgkey.'
/** As long as a session that is there is remembered; Tyk remembers for as long as an API is loaded. */
const ABSENT_MS = 10_000

export function createOrganisations(deps: OrganisationsDeps): Organisations {
  const { redis, config, now } = deps
  const store = createSessionStore({
    ...deps,
    prefix: PREFIX,
    config: {
      ...config,
      // An id stands for itself.
      hash_keys: false,
      hash_key_function: '',
      hash_key_function_fallback: [],
      disable_key_actions_by_username: true,
      min_token_length: 1,
    },
  })
  const caching = !config.local_session_cache.disable_cached_session_state
  // Organisations come from API definitions, so this map is bounded by them.
  const absentUntilMs = new Map<string, number>()
  let changes = 0

  const forget = (orgId: string): void => {
    changes++
    absentUntilMs.delete(orgId)
    store.forget(orgId)
  }

  return {
    peek(orgId) {
      const known = store.peek(orgId, orgId)
      if (known !== undefined) return known.session
      const until = absentUntilMs.get(orgId)
      return until !== undefined && now() < until ? null : undefined
    },
    async find(orgId) {
      const before = changes
      const found = await store.find(orgId, orgId)
      if (found !== null) return found.session
      // Another session may have been stored since Redis was asked.
      if (caching && redis.isUp && before === changes) absentUntilMs.set(orgId, now() + ABSENT_MS)
      return null
    },
    async load(orgId) {
      return (await store.load(orgId, orgId))?.session ?? null
    },
    noteQuota: store.noteQuota,
    async write(orgId, session) {
      await store.write(orgId, session, 0)
      forget(orgId)
    },
    async remove(orgId) {
      return store.remove(orgId)
    },
    list: store.list,
    forget,
    discard(orgId, replacement) {
      changes++
      absentUntilMs.delete(orgId)
      return store.discard(orgId, replacement)
    },
    close: store.close,
  }
}
