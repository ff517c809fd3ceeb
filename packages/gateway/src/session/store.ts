// Hot path.
import type { Cluster } from 'ioredis'
import { createCountedLog } from '../auth/counted-log.ts'
import { generateKey, organisationOf } from '../auth/key-format.ts'
import { hashKey } from '../auth/key-hash.ts'
import { reasonOf } from '../auth/log-reason.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { RedisClient, RedisStores } from '../redis/stores.ts'
import { createFences, type Replacement } from './fences.ts'
import { CLUSTER_CHANNEL, keySpaceUpdateMessage } from './key-space-message.ts'
import { createSessionCache, type StoredSession } from './session-cache.ts'
import { createSessionWriter, SESSION_PREFIX, setArguments } from './session-writer.ts'
import { parseSession, type Session } from './session.ts'
import { bareDigest } from './unchanged.ts'

export type { StoredSession } from './session-cache.ts'

/**
 * Sessions by key: a short-lived copy in this process, Redis behind it. Nothing here throws into a request; while Redis
 * is away a key that is not in the copy counts as unknown.
 */
export interface SessionStore {
  /**
   * The session in this process's memory; undefined when only Redis can tell.
   *
   * @param presented - the key as the client sent it: whole, or the name of a custom key. Longer than 4096 characters,
   * it is none, here and below.
   * @param orgId - the organisation of the API.
   */
  peek(presented: string, orgId: string): StoredSession | undefined
  /** The session behind a presented key; null when there is none or Redis cannot be asked. */
  find(presented: string, orgId: string): Promise<StoredSession | null>
  /** As `find`, but past the copies in this process. Rejects when Redis cannot be asked. */
  read(presented: string, orgId: string): Promise<StoredSession | null>
  /** The session stored under a name as `storageKeyOf` makes them. Rejects when Redis cannot be asked. */
  load(storageKey: string, token: string): Promise<StoredSession | null>
  /**
   * Takes a changed session into force at once and writes it to Redis a moment later, beside the requests.
   *
   * @param token - the whole key.
   */
  save(token: string, orgId: string, session: Session, options: SaveOptions): void
  /**
   * Writes a session whose copies of quota figures moved, a moment later, unless Redis holds another than the one it was
   * made from. The copy in memory stays: what it holds about quotas decides nothing.
   *
   * @param session - asked when the write happens; a copy of the one that was found, policies applied or not.
   * @param begunAtMs - of the request. One that began before the session was replaced may hold the one before, and writes
   * nothing.
   */
  noteQuota(token: string, session: () => Session, ttlSeconds: number, begunAtMs: number): void
  /** Writes a session now; rejects when Redis refuses. */
  write(storageKey: string, session: Session, ttlSeconds: number): Promise<void>
  /** Deletes a session now; false when there was none. Rejects when Redis cannot be asked. */
  remove(storageKey: string): Promise<boolean>
  /** Names of all stored sessions, without `apikey-`. Rejects when Redis cannot be asked. */
  list(): Promise<string[]>
  /** What follows `apikey-` for a whole key. */
  storageKeyOf(token: string): string
  /** Forgets copies, as another gateway asked for with a cluster message's payload key. */
  forget(cacheKey: string): void
  /**
   * Gives up copies of a session that another process of this gateway replaces or removes, and writes of it; resolves
   * when none is under way.
   */
  discard(storageKey: string, replacement: Replacement): Promise<void>
  flush(): Promise<void>
  /** Writes what waits. To be called before the Redis connection is closed. */
  close(): Promise<void>
}

export interface SaveOptions {
  readonly ttlSeconds: number
  /** False for a session that was not stored before. */
  readonly wasStored: boolean
}

export interface SessionStoreDeps {
  readonly redis: Pick<RedisStores, 'main' | 'isUp'>
  readonly config: SessionStoreConfig
  readonly log: Log
  readonly now: () => number
  /** In front of every stored session's name; left out: that of keys. */
  readonly prefix?: string
  /** Has the other processes of this gateway give up a session that is replaced or removed: before that and after. */
  readonly discardElsewhere?: (storageKey: string, replacement: Replacement) => Promise<void>
}

export type SessionStoreConfig = Pick<
  GatewayConfig,
  | 'hash_keys'
  | 'hash_key_function'
  | 'hash_key_function_fallback'
  | 'disable_key_actions_by_username'
  | 'min_token_length'
  | 'local_session_cache'
  | 'node_secret'
>

/** Copies of looked-up sessions and single-flight lookups share this separator, which no key from HTTP can hold. */
const SEPARATOR = '\n'
const DEFAULT_MIN_LENGTH = 3
/** Strangers send these texts, and each is hashed several times: a longer one is no key, whatever Redis may hold. */
const MAX_LENGTH = 4096
const SCAN_COUNT = 1000

export function createSessionStore(deps: SessionStoreDeps): SessionStore {
  const { redis, config, log, now, prefix = SESSION_PREFIX, discardElsewhere } = deps
  const caching = !config.local_session_cache.disable_cached_session_state
  const minLength = config.min_token_length > 0 ? config.min_token_length : DEFAULT_MIN_LENGTH
  const warnings = createCountedLog(log, 'warn', now)
  const cache = createSessionCache(now)
  const writer = createSessionWriter(redis, config.node_secret, createCountedLog(log, 'error', now), prefix)
  const fences = createFences(now)
  const lookups = new Map<string, Promise<StoredSession | null>>()

  const mayBeKey = (presented: string): boolean => presented.length >= minLength && presented.length <= MAX_LENGTH

  const storageKeyOf = (token: string): string => (config.hash_keys ? hashKey(token) : token)

  /** Whole keys a presented text may stand for, in the order they count. */
  function candidates(presented: string, orgId: string): string[] {
    if (organisationOf(presented) === orgId) return [presented]
    const byName = !config.disable_key_actions_by_username
    const tokens = byName ? [generateKey(orgId, presented, config.hash_key_function), presented] : [presented]
    if (byName) {
      for (const older of config.hash_key_function_fallback) tokens.push(generateKey(orgId, presented, older))
    }
    return [...new Set(tokens)]
  }

  async function lookUp(presented: string, orgId: string): Promise<StoredSession | null> {
    const tokens = candidates(presented, orgId)
    const keys = tokens.map(storageKeyOf)
    for (const [i, storageKey] of keys.entries()) {
      const session = writer.pending(storageKey)
      if (session !== undefined) return { token: tokens[i] as string, storageKey, session }
    }
    const texts = await readAll(keys)
    for (const [i, text] of texts.entries()) {
      if (text === null || text === '') continue
      const storageKey = keys[i] as string
      const session = parse(text)
      return session === null ? null : { token: tokens[i] as string, storageKey, session }
    }
    return null
  }

  async function readAll(keys: readonly string[]): Promise<(string | null)[]> {
    if (!redis.isUp) throw new Error('Redis is not reachable')
    const names = keys.map((key) => prefix + key)
    // One command where all names live on one server; in a cluster they do not.
    if (names.length > 1 && !isCluster(redis.main)) return redis.main.mget(names)
    return Promise.all(names.map((name) => redis.main.get(name)))
  }

  function parse(text: string): Session | null {
    try {
      const session = parseSession(text)
      session.storedDigest = bareDigest(text)
      return session
    } catch (err) {
      warnings.note('stored session is malformed, key counts as unknown', () => ({ reason: reasonOf(err) }))
      return null
    }
  }

  async function findNow(presented: string, orgId: string): Promise<StoredSession | null> {
    const startedAtMs = now()
    try {
      const found = await lookUp(presented, orgId)
      // Read before it was replaced, perhaps.
      if (found === null || fences.raisedSince(found.storageKey, startedAtMs)) return found
      if (caching) cache.set(orgId, presented, found)
      return found
    } catch (err) {
      warnings.note('session lookup failed, key counts as unknown', () => ({ reason: reasonOf(err) }))
      return null
    }
  }

  function discard(storageKey: string, replacement: Replacement): Promise<void> {
    fences.raise(storageKey, replacement)
    writer.drop(storageKey)
    cache.forget(storageKey)
    // Whoever asks from now on must not wait for an answer that Redis gave before.
    lookups.clear()
    return writer.settle()
  }

  const giveUp = (storageKey: string, replacement: Replacement): Promise<unknown> =>
    Promise.all([discard(storageKey, replacement), discardElsewhere?.(storageKey, replacement)])

  /** Has no process write the session from before over the one that the work stores, or keep it. */
  async function replace<T>(storageKey: string, work: () => Promise<T>): Promise<T> {
    await giveUp(storageKey, 'begun')
    try {
      return await work()
    } finally {
      await giveUp(storageKey, 'done')
    }
  }

  async function tellOthers(storageKey: string): Promise<void> {
    await redis.main.publish(CLUSTER_CHANNEL, keySpaceUpdateMessage(storageKey, config.node_secret))
  }

  return {
    storageKeyOf,
    peek(presented, orgId) {
      return caching && mayBeKey(presented) ? cache.get(orgId, presented) : undefined
    },
    find(presented, orgId) {
      if (!mayBeKey(presented)) return Promise.resolve(null)
      const cached = caching ? cache.get(orgId, presented) : undefined
      if (cached !== undefined) return Promise.resolve(cached)
      const lookup = orgId + SEPARATOR + presented
      let running = lookups.get(lookup)
      if (running === undefined) {
        const begun = findNow(presented, orgId).finally(() => {
          if (lookups.get(lookup) === begun) lookups.delete(lookup)
        })
        running = begun
        lookups.set(lookup, running)
      }
      return running
    },
    read: (presented, orgId) => (mayBeKey(presented) ? lookUp(presented, orgId) : Promise.resolve(null)),
    async load(storageKey, token) {
      const waiting = writer.pending(storageKey)
      if (waiting !== undefined) return { token, storageKey, session: waiting }
      const [text] = await readAll([storageKey])
      const session = text ? parse(text) : null
      return session === null ? null : { token, storageKey, session }
    },
    save(token, orgId, session, { ttlSeconds, wasStored }) {
      const storageKey = storageKeyOf(token)
      cache.forget(storageKey)
      if (caching) cache.set(orgId, token, { token, storageKey, session })
      writer.add({ storageKey, session: () => session, ttlSeconds, condition: wasStored ? 'if-present' : 'if-absent' })
    },
    noteQuota(token, session, ttlSeconds, begunAtMs) {
      const storageKey = storageKeyOf(token)
      if (fences.raisedSince(storageKey, begunAtMs)) return
      writer.add({ storageKey, session, ttlSeconds, condition: 'if-unchanged' })
    },
    async write(storageKey, session, ttlSeconds) {
      const written = setArguments({ storageKey, session: () => session, ttlSeconds, condition: 'always' }, prefix)
      await replace(storageKey, () => redis.main.call('SET', ...written))
      await tellOthers(storageKey)
    },
    async remove(storageKey) {
      const removed = await replace(storageKey, () => redis.main.del(prefix + storageKey))
      if (removed > 0) await tellOthers(storageKey)
      return removed > 0
    },
    async list() {
      if (!redis.isUp) throw new Error('Redis is not reachable')
      const nodes = isCluster(redis.main) ? redis.main.nodes('master') : [redis.main]
      const names = new Set<string>()
      for (const node of nodes) {
        for await (const page of node.scanStream({ match: `${prefix}*`, count: SCAN_COUNT })) {
          for (const name of page as string[]) names.add(name.slice(prefix.length))
        }
      }
      return [...names]
    },
    forget: (cacheKey) => cache.forget(cacheKey),
    discard,
    flush: () => writer.flush(),
    close: () => writer.close(),
  }
}

const isCluster = (client: RedisClient): client is Cluster => client.isCluster
