import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCountedLog } from './counted-log.ts'
import type { Log } from '../log/log.ts'

/** One published set of keys. The same object as long as the document does not change. */
export interface KeySet {
  readonly keys: ReadonlyMap<string, KeyObject>
}

/** Sets of JSON web keys by URL: fetched when needed, kept for a time, and served stale while their server fails. */
export interface JwksCache {
  /** The set if it is young enough to be used without waiting. */
  current(url: string): KeySet | undefined
  /** The set, fetched when it is too old; null when it was never fetched and cannot be. */
  get(url: string): Promise<KeySet | null>
  /** Fetches again because a key is missing, though not more often than a cool-down allows. */
  refresh(url: string): Promise<KeySet | null>
  /** Makes every set too old to be used. */
  invalidate(): void
}

export interface JwksOptions {
  /** Returns the document; rejects on any failure. */
  readonly fetch: (url: string, signal: AbortSignal) => Promise<string>
  /** Throws when the document is not a set of keys. */
  readonly parse: (document: string) => ReadonlyMap<string, KeyObject>
  readonly ttlMsOf: (url: string) => number
  readonly log: Log
  readonly now: () => number
}

const FETCH_TIMEOUT_MS = 15_000
/** How long a request waits for a newer set when an older one is at hand. */
const STALE_WAIT_MS = 1000
/** A token names its key itself, so strangers could have the set fetched as often as they like. */
const COOL_DOWN_MS = 10_000
/** Longest use of a set whose server does not answer any more. */
const MAX_STALE_MS = 86_400_000

interface Entry {
  set: KeySet | null
  document: string
  fetchedAtMs: number
  triedAtMs: number
  running: Promise<void> | null
}

export function createJwksCache({ fetch, parse, ttlMsOf, log, now }: JwksOptions): JwksCache {
  // URLs come from the definition, so this map is bounded by it.
  const entries = new Map<string, Entry>()
  const failures = createCountedLog(log, 'error', now)

  function entryOf(url: string): Entry {
    let entry = entries.get(url)
    if (entry === undefined) {
      entry = { set: null, document: '', fetchedAtMs: -Infinity, triedAtMs: -Infinity, running: null }
      entries.set(url, entry)
    }
    return entry
  }

  const isFresh = (entry: Entry, url: string): boolean => entry.set !== null && now() - entry.fetchedAtMs < ttlMsOf(url)

  function fetchOnce(url: string, entry: Entry): Promise<void> {
    entry.running ??= fetchNow(url, entry).finally(() => {
      entry.running = null
    })
    return entry.running
  }

  async function fetchNow(url: string, entry: Entry): Promise<void> {
    entry.triedAtMs = now()
    try {
      const document = await fetch(url, AbortSignal.timeout(FETCH_TIMEOUT_MS))
      if (entry.set === null || document !== entry.document) entry.set = { keys: parse(document) }
      entry.document = document
      entry.fetchedAtMs = now()
    } catch (err) {
      failures.note('fetching JSON web keys failed', () => ({ err, url, stale: entry.set !== null }))
      if (now() - entry.fetchedAtMs > MAX_STALE_MS) entry.set = null
    }
  }

  return {
    current(url) {
      const entry = entries.get(url)
      return entry?.set && isFresh(entry, url) ? entry.set : undefined
    },
    async get(url) {
      const entry = entryOf(url)
      if (isFresh(entry, url)) return entry.set
      // After a failure a set at hand is used for a while before its server is asked again.
      if (entry.set !== null && entry.triedAtMs > entry.fetchedAtMs && now() - entry.triedAtMs < COOL_DOWN_MS) {
        return entry.set
      }
      const fetched = fetchOnce(url, entry)
      if (entry.set === null) await fetched
      else await withinWait(fetched)
      return entry.set
    },
    async refresh(url) {
      const entry = entryOf(url)
      if (entry.running === null && now() - entry.triedAtMs < COOL_DOWN_MS) return entry.set
      await fetchOnce(url, entry)
      return entry.set
    },
    invalidate() {
      for (const entry of entries.values()) {
        entry.fetchedAtMs = -Infinity
        entry.triedAtMs = -Infinity
        entry.set = null
      }
    },
  }
}

async function withinWait(fetched: Promise<void>): Promise<void> {
  const over = new AbortController()
  const wait = sleep(STALE_WAIT_MS, undefined, { signal: over.signal, ref: false }).catch(() => {})
  await Promise.race([fetched, wait])
  over.abort()
}

const caches = new WeakMap<object, Map<string, JwksCache>>()

/** Remembers the cache of an API, in place of the one it had before a reload. */
export function registerJwksCache(owner: object, apiId: string, cache: JwksCache): void {
  const byApi = caches.get(owner) ?? new Map<string, JwksCache>()
  caches.set(owner, byApi.set(apiId, cache))
}

/**
 * Has the key sets of one API, or of all with null, fetched anew.
 *
 * @param owner - the dependencies the chains were compiled with.
 */
export function invalidateJwks(owner: object, apiId: string | null): void {
  const byApi = caches.get(owner)
  if (apiId === null) for (const cache of byApi?.values() ?? []) cache.invalidate()
  else byApi?.get(apiId)?.invalidate()
}
