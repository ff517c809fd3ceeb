import { timingSafeEqual } from 'node:crypto'
import { isKeyHashFunction } from './key-format.ts'
import { hashBytes } from './key-hash.ts'

/** A password as a session holds it; member names are those of the stored JSON. */
export interface StoredPassword {
  /** Never empty. */
  readonly password: string
  /** Empty: the password itself. `bcrypt` and every unknown name: bcrypt. */
  readonly hash_type: string
}

/** Whether a password is stored in a form that is cheap to compare; all others are bcrypt. */
export const isQuick = ({ hash_type: type }: StoredPassword): boolean => type === '' || isKeyHashFunction(type)

/** Compares with a password stored in a cheap form, in constant time for one length. */
export function matchesQuick({ password, hash_type: type }: StoredPassword, given: Buffer): boolean {
  const text = isKeyHashFunction(type) ? Buffer.from(hashBytes(given, type)) : given
  const expected = Buffer.from(password, 'utf8')
  return text.length === expected.length && timingSafeEqual(text, expected)
}

/** Bcrypt looks at so many bytes of a password. */
export const BCRYPT_BYTES = 72
/** About four seconds of work; a hash that wants more would hold a thread for minutes. */
const MAX_BCRYPT_COST = 16

const BCRYPT_HASH = /^\$2[a-z]?\$(\d\d)(\$[./A-Za-z0-9]{53})$/

/**
 * A bcrypt hash in the form that the library computes safely, or null when it is none or too costly.
 *
 * The letters behind the 2 name old faults of other programs, which Go's gateways do not repeat: they compute all alike.
 * In the library `b` is that computation; with `a` it takes the length of a password modulo 256.
 */
export function canonicalBcrypt(hash: string): string | null {
  const parts = BCRYPT_HASH.exec(hash)
  if (parts === null || Number(parts[1]) > MAX_BCRYPT_COST) return null
  return `$2b$${parts[1]}${parts[2]}`
}
