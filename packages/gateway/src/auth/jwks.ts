import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCountedLog } from './counted-log.ts'
import { reasonOf } from './log-reason.ts'
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
/** A token names its key itself, so strangers could have the set fetched as often as they like. From the end of a try. */
const COOL_DOWN_MS = 10_000
/** The same while there is no set at all, and every token is refused: its server may have started a moment later. */
const FIRST_COOL_DOWN_MS = 2000
/** Requests that wait for one set; further ones make do with what is at hand. */
const MAX_WAITING = 500
/** Longest use of a set whose server does not answer any more. */
const MAX_STALE_MS = 86_400_000

interface Entry {
  set: KeySet | null
  document: string
  fetchedAtMs: number
  /** End of the last try, whatever came of it. */
  triedAtMs: number
  failed: boolean
  running: Promise<void> | null
  waiting: number
}

const newEntry = (): Entry => ({
  set: null,
  document: '',
  fetchedAtMs: -Infinity,
  triedAtMs: -Infinity,
  failed: false,
  running: null,
  waiting: 0,
})

export function createJwksCache({ fetch, parse, ttlMsOf, log, now }: JwksOptions): JwksCache {
  // URLs come from the definition, so this map is bounded by it.
  const entries = new Map<string, Entry>()
  const failures = createCountedLog(log, 'error', now)

  function entryOf(url: string): Entry {
    let entry = entries.get(url)
    if (entry === undefined) {
      entry = newEntry()
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
    try {
      const document = await fetch(url, AbortSignal.timeout(FETCH_TIMEOUT_MS))
      if (entry.set === null || document !== entry.document) entry.set = { keys: parse(document) }
      entry.document = document
      entry.fetchedAtMs = now()
      entry.failed = false
    } catch (err) {
      const stale = entry.set !== null
      // A parser's message quotes what it read, and a set may hold secrets.
      failures.note('fetching JSON web keys failed', () => ({
        ...(err instanceof SyntaxError ? { reason: reasonOf(err) } : { err }),
        url,
        stale,
      }))
      entry.failed = true
      if (now() - entry.fetchedAtMs > MAX_STALE_MS) entry.set = null
    }
    entry.triedAtMs = now()
  }

  const coolsDown = (entry: Entry): boolean =>
    entry.running === null && now() - entry.triedAtMs < (entry.set === null ? FIRST_COOL_DOWN_MS : COOL_DOWN_MS)

  /**
   * The set once it is fetched; one that was invalidated meanwhile is no answer, and the new one is waited for.
   *
   * @param patient - the set at hand is not good enough.
   */
  async function wait(url: string, entry: Entry, patient: boolean): Promise<KeySet | null> {
    if (entry.waiting >= MAX_WAITING) {
      failures.note('too many requests wait for JSON web keys', () => ({ url, waiting: MAX_WAITING }))
      return entry.set
    }
    entry.waiting++
    try {
      const fetched = fetchOnce(url, entry)
      if (patient || entry.set === null) await fetched
      else await withinWait(fetched)
    } finally {
      entry.waiting--
    }
    return entries.get(url) === entry ? entry.set : get(url)
  }

  async function get(url: string): Promise<KeySet | null> {
    const entry = entryOf(url)
    if (isFresh(entry, url)) return entry.set
    // After a failure what is at hand, if anything, has to do for a while before the server is asked again.
    return entry.failed && coolsDown(entry) ? entry.set : wait(url, entry, false)
  }

  return {
    current(url) {
      const entry = entries.get(url)
      return entry?.set && isFresh(entry, url) ? entry.set : undefined
    },
    get,
    async refresh(url) {
      const entry = entryOf(url)
      return coolsDown(entry) ? entry.set : wait(url, entry, true)
    },
    invalidate() {
      // A fetch under way fills an entry that nobody reads any more.
      entries.clear()
    },
  }
}

async function withinWait(fetched: Promise<void>): Promise<void> {
  const over = new AbortController()
  const wait = sleep(STALE_WAIT_MS, undefined, { signal: over.signal, ref: false }).catch(() => {})
  await Promise.race([fetched, wait])
  over.abort()
}

/** Ways of authentication that have key sets; an API may use several. */
export type JwksUser = 'jwt' | 'oidc' | 'externalOAuth'

const caches = new WeakMap<object, Map<string, Map<JwksUser, JwksCache>>>()

/**
 * Remembers the cache of an API, in place of the one it had before a reload.
 *
 * @param owner - something that every chain of a gateway shares, and no other gateway has.
 */
export function registerJwksCache(owner: object, apiId: string, user: JwksUser, cache: JwksCache): void {
  const byApi = caches.get(owner) ?? new Map<string, Map<JwksUser, JwksCache>>()
  caches.set(owner, byApi.set(apiId, (byApi.get(apiId) ?? new Map<JwksUser, JwksCache>()).set(user, cache)))
}

/**
 * Has the key sets of one API, or of all with null, fetched anew.
 *
 * @param owner - as in `registerJwksCache`.
 */
export function invalidateJwks(owner: object, apiId: string | null): void {
  for (const [id, ofApi] of caches.get(owner) ?? []) {
    if (apiId === null || id === apiId) for (const cache of ofApi.values()) cache.invalidate()
  }
}

/**
 * Ids of the APIs that have key sets, or had some before a reload.
 *
 * @param owner - as in `registerJwksCache`.
 */
export const jwksUsers = (owner: object): string[] => [...(caches.get(owner)?.keys() ?? [])]
