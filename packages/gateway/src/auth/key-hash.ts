import { hash } from 'node:crypto'
import { BoundedMap } from './bounded-map.ts'
import { decodeKey, isKeyHashFunction, type KeyHashFunction } from './key-format.ts'
import { murmur128, murmur32 } from './murmur3.ts'

/** Keys whose hash is remembered; the same few are hashed for the limits and for every record. */
const MAX_REMEMBERED = 8192
/** A longer text is hashed each time: whoever presents some must not choose how much memory they take. */
const MAX_REMEMBERED_LENGTH = 1024
const remembered = new BoundedMap<string, string>(MAX_REMEMBERED)

/**
 * The stored form of a key, lower-case hexadecimal: what follows `apikey-` in Redis and what records show.
 *
 * The function is the one named inside the key itself; a key in the older form takes murmur32.
 */
export function hashKey(token: string): string {
  const known = remembered.get(token)
  if (known !== undefined) return known
  const named = decodeKey(token)?.h ?? ''
  const hashed = hashText(token, isKeyHashFunction(named) ? named : 'murmur32')
  if (token.length <= MAX_REMEMBERED_LENGTH) remembered.set(token, hashed)
  return hashed
}

/** Hashes the UTF-8 bytes of a text. */
export const hashText = (text: string, using: KeyHashFunction): string => hashBytes(Buffer.from(text, 'utf8'), using)

/** Lower-case hexadecimal. */
export function hashBytes(bytes: Uint8Array, using: KeyHashFunction): string {
  switch (using) {
    case 'murmur32':
      return murmur32(bytes).toString(16).padStart(8, '0')
    case 'murmur64':
      return hex64(murmur128(bytes)[0])
    case 'murmur128': {
      const [h1, h2] = murmur128(bytes)
      return hex64(h1) + hex64(h2)
    }
    case 'sha256':
      return hash('sha256', bytes)
  }
}

const hex64 = (n: bigint): string => n.toString(16).padStart(16, '0')
