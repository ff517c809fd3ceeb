/** How far the replacement of a session is. */
export type Replacement = 'begun' | 'done'

/**
 * Keys whose session is being replaced, or was a moment ago. Requests that still have the one before must neither write
 * it back, as they would with their quota figures, nor keep a copy of it.
 */
export interface Fences {
  raise(storageKey: string, replacement: Replacement): void
  /** Whether the session may have been replaced at that instant or since. */
  raisedSince(storageKey: string, atMs: number): boolean
}

interface Fence {
  readonly atMs: number
  readonly replacement: Replacement
}

/** Longer than a request takes to its quota. */
const UP_MS = 60_000
/** A replacement whose end nobody has told is taken as over. */
const REPLACING_MS = 5000

export function createFences(now: () => number): Fences {
  // In the order in which they were raised. Only the control API raises them.
  const fences = new Map<string, Fence>()
  return {
    raise(storageKey, replacement) {
      for (const [key, { atMs }] of fences) {
        if (now() - atMs < UP_MS) break
        fences.delete(key)
      }
      fences.delete(storageKey)
      fences.set(storageKey, { atMs: now(), replacement })
    },
    raisedSince(storageKey, atMs) {
      const fence = fences.get(storageKey)
      if (fence === undefined) return false
      return fence.atMs >= atMs || (fence.replacement === 'begun' && now() - fence.atMs < REPLACING_MS)
    },
  }
}
