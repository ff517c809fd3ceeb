// Hot path.
import type { Cluster } from 'ioredis'
import { createCountedLog } from '../auth/counted-log.ts'
import { generateKey, organisationOf } from '../auth/key-format.ts'
import { hashKey } from '../auth/key-hash.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { RedisClient, RedisStores } from '../redis/stores.ts'
import { CLUSTER_CHANNEL, keySpaceUpdateMessage } from './key-space-message.ts'
import { createSessionCache, type StoredSession } from './session-cache.ts'
import { createSessionWriter, SESSION_PREFIX, setArguments } from './session-writer.ts'
import { parseSession, type Session } from './session.ts'

export type { StoredSession } from './session-cache.ts'

/**
 * Sessions by key: a short-lived copy in this process, Redis behind it. Nothing here throws into a request; while Redis
 * is away a key that is not in the copy counts as unknown.
 */
export interface SessionStore {
  /**
   * The session in this process's memory; undefined when only Redis can tell.
   *
   * @param presented - the key as the client sent it: whole, or the name of a custom key.
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
   * Writes a session whose copies of quota figures moved, a moment later. The copy in memory stays: what it holds about
   * quotas decides nothing.
   *
   * @param session - asked when the write happens.
   */
  noteQuota(token: string, session: () => Session, ttlSeconds: number): void
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
const SCAN_COUNT = 1000

export function createSessionStore({ redis, config, log, now }: SessionStoreDeps): SessionStore {
  const caching = !config.local_session_cache.disable_cached_session_state
  const minLength = config.min_token_length > 0 ? config.min_token_length : DEFAULT_MIN_LENGTH
  const warnings = createCountedLog(log, 'warn', now)
  const cache = createSessionCache(now)
  const writer = createSessionWriter(redis, config.node_secret, createCountedLog(log, 'error', now))
  const lookups = new Map<string, Promise<StoredSession | null>>()

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
      const session = parse(text)
      return session === null ? null : { token: tokens[i] as string, storageKey: keys[i] as string, session }
    }
    return null
  }

  async function readAll(keys: readonly string[]): Promise<(string | null)[]> {
    if (!redis.isUp) throw new Error('Redis is not reachable')
    const names = keys.map((key) => SESSION_PREFIX + key)
    // One command where all names live on one server; in a cluster they do not.
    if (names.length > 1 && !isCluster(redis.main)) return redis.main.mget(names)
    return Promise.all(names.map((name) => redis.main.get(name)))
  }

  function parse(text: string): Session | null {
    try {
      return parseSession(text)
    } catch (err) {
      warnings.note('stored session is malformed, key counts as unknown', () => ({ reason: (err as Error).message }))
      return null
    }
  }

  async function findNow(presented: string, orgId: string): Promise<StoredSession | null> {
    try {
      const found = await lookUp(presented, orgId)
      if (found !== null && caching) cache.set(orgId, presented, found)
      return found
    } catch (err) {
      warnings.note('session lookup failed, key counts as unknown', () => ({ reason: (err as Error).message }))
      return null
    }
  }

  async function tellOthers(storageKey: string): Promise<void> {
    await redis.main.publish(CLUSTER_CHANNEL, keySpaceUpdateMessage(storageKey, config.node_secret))
  }

  return {
    storageKeyOf,
    peek(presented, orgId) {
      return caching && presented.length >= minLength ? cache.get(orgId, presented) : undefined
    },
    find(presented, orgId) {
      if (presented.length < minLength) return Promise.resolve(null)
      const cached = caching ? cache.get(orgId, presented) : undefined
      if (cached !== undefined) return Promise.resolve(cached)
      const lookup = orgId + SEPARATOR + presented
      let running = lookups.get(lookup)
      if (running === undefined) {
        running = findNow(presented, orgId).finally(() => lookups.delete(lookup))
        lookups.set(lookup, running)
      }
      return running
    },
    read: (presented, orgId) => (presented.length < minLength ? Promise.resolve(null) : lookUp(presented, orgId)),
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
    noteQuota(token, session, ttlSeconds) {
      writer.add({ storageKey: storageKeyOf(token), session, ttlSeconds, condition: 'if-present' })
    },
    async write(storageKey, session, ttlSeconds) {
      writer.drop(storageKey)
      await redis.main.call(
        'SET',
        ...setArguments({ storageKey, session: () => session, ttlSeconds, condition: 'always' }),
      )
      cache.forget(storageKey)
      await tellOthers(storageKey)
    },
    async remove(storageKey) {
      writer.drop(storageKey)
      const removed = await redis.main.del(SESSION_PREFIX + storageKey)
      cache.forget(storageKey)
      if (removed > 0) await tellOthers(storageKey)
      return removed > 0
    },
    async list() {
      if (!redis.isUp) throw new Error('Redis is not reachable')
      const nodes = isCluster(redis.main) ? redis.main.nodes('master') : [redis.main]
      const names = new Set<string>()
      for (const node of nodes) {
        for await (const page of node.scanStream({ match: `${SESSION_PREFIX}*`, count: SCAN_COUNT })) {
          for (const name of page as string[]) names.add(name.slice(SESSION_PREFIX.length))
        }
      }
      return [...names]
    },
    forget: (cacheKey) => cache.forget(cacheKey),
    flush: () => writer.flush(),
    close: () => writer.close(),
  }
}

const isCluster = (client: RedisClient): client is Cluster => client.isCluster
