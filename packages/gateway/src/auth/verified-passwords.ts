// Hot path.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { BoundedMap } from './bounded-map.ts'
import type { StoredPassword } from './stored-password.ts'

/** Passwords that were right a moment ago, so that bcrypt need not work for every request. */
export interface VerifiedPasswords {
  has(stored: StoredPassword, given: Buffer): boolean
  add(stored: StoredPassword, given: Buffer): void
}

const MAX_REMEMBERED = 8192

interface Entry {
  readonly digest: Buffer
  readonly expiresAtMs: number
}

/**
 * Remembered by the stored hash, so that a changed password is a new entry. Of the password only a digest stays in memory,
 * salted by this process.
 */
export function createVerifiedPasswords(ttlMs: number, now: () => number): VerifiedPasswords {
  const secret = randomBytes(32)
  const entries = new BoundedMap<string, Entry>(MAX_REMEMBERED)
  const digestOf = (given: Buffer): Buffer => hash('sha256', Buffer.concat([secret, given]), 'buffer')
  return {
    has({ password }, given) {
      const entry = entries.get(password)
      if (entry === undefined) return false
      if (now() >= entry.expiresAtMs) {
        entries.delete(password)
        return false
      }
      return timingSafeEqual(entry.digest, digestOf(given))
    },
    add: ({ password }, given) => entries.set(password, { digest: digestOf(given), expiresAtMs: now() + ttlMs }),
  }
}
