// Hot path.
import { BoundedMap } from '../auth/bounded-map.ts'
import type { Session } from './session.ts'

/** A session as it was found: the object itself and the key it is stored under. */
export interface StoredSession {
  /** Whole key text; what analytics and counters are named after. */
  readonly token: string
  /** What follows `apikey-` in Redis. */
  readonly storageKey: string
  /** Not to be changed: policies applied to it are remembered by this object. */
  readonly session: Session
}

interface Entry {
  readonly presented: string
  readonly stored: StoredSession
  readonly expiresAtMs: number
}

/** Tyk's constant; its two settings for it have no effect. */
const TTL_MS = 10_000
const MAX_PER_ORGANISATION = 20_000

/** Sessions this process has read lately, by organisation and by the text that clients presented. */
export interface SessionCache {
  get(orgId: string, presented: string): StoredSession | undefined
  set(orgId: string, presented: string, stored: StoredSession): void
  /** Forgets a session under every text it was presented by. */
  forget(storageKey: string): void
  clear(): void
}

export function createSessionCache(now: () => number): SessionCache {
  const organisations = new Map<string, BoundedMap<string, Entry>>()
  const presentedBy = new Map<string, Set<Entry>>()

  function unlink(entry: Entry): void {
    const entries = presentedBy.get(entry.stored.storageKey)
    if (entries === undefined) return
    entries.delete(entry)
    if (entries.size === 0) presentedBy.delete(entry.stored.storageKey)
  }

  // Organisations come from API definitions, so this map is bounded by them.
  function ofOrganisation(orgId: string): BoundedMap<string, Entry> {
    let entries = organisations.get(orgId)
    if (entries === undefined) {
      entries = new BoundedMap(MAX_PER_ORGANISATION, unlink)
      organisations.set(orgId, entries)
    }
    return entries
  }

  return {
    get(orgId, presented) {
      const entries = organisations.get(orgId)
      const entry = entries?.get(presented)
      if (entry === undefined) return undefined
      if (now() < entry.expiresAtMs) return entry.stored
      entries?.delete(presented)
      unlink(entry)
      return undefined
    },
    set(orgId, presented, stored) {
      const entries = ofOrganisation(orgId)
      const before = entries.get(presented)
      if (before !== undefined) unlink(before)
      const entry: Entry = { presented, stored, expiresAtMs: now() + TTL_MS }
      entries.set(presented, entry)
      const linked = presentedBy.get(stored.storageKey)
      if (linked === undefined) presentedBy.set(stored.storageKey, new Set([entry]))
      else linked.add(entry)
    },
    forget(storageKey) {
      const linked = presentedBy.get(storageKey)
      if (linked === undefined) return
      for (const entry of linked) {
        for (const entries of organisations.values()) {
          if (entries.get(entry.presented) === entry) entries.delete(entry.presented)
        }
      }
      presentedBy.delete(storageKey)
    },
    clear() {
      organisations.clear()
      presentedBy.clear()
    },
  }
}
