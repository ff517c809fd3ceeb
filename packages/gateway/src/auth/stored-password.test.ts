import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { canonicalBcrypt, isQuick, matchesQuick } from './stored-password.ts'

const REST = '$OgjlrcksDWEwpD7STP6DMedA3g5e1lIuMBKbfdY.NygXQMRV8xR1e'
const sha256 = createHash('sha256').update('hello').digest('hex')

describe('a password in a cheap form', () => {
  test.each([
    ['the password itself', 'hello', ''],
    ['murmur32', '248bfa47', 'murmur32'],
    ['murmur64', 'cbd8a7b341bd9b02', 'murmur64'],
    ['murmur128', 'cbd8a7b341bd9b025b1e906a48ae1d19', 'murmur128'],
    ['sha256', sha256, 'sha256'],
  ])('matches: %s', (_, password, hash_type) => {
    const stored = { password, hash_type }
    expect(isQuick(stored)).toBe(true)
    expect(matchesQuick(stored, Buffer.from('hello'))).toBe(true)
    for (const other of ['', 'hell', 'hello ', 'Hello', password.toUpperCase(), 'hello\0']) {
      expect(matchesQuick(stored, Buffer.from(other))).toBe(false)
    }
  })

  test.each(['bcrypt', 'argon2', 'SHA256'])('is not what %s names', (hash_type) => {
    expect(isQuick({ password: 'x', hash_type })).toBe(false)
  })
})

describe('a bcrypt hash', () => {
  test.each([
    [`$2a$10${REST}`, `$2b$10${REST}`],
    [`$2b$04${REST}`, `$2b$04${REST}`],
    [`$2y$16${REST}`, `$2b$16${REST}`],
    [`$2$10${REST}`, `$2b$10${REST}`],
  ])('%s is computed as %s', (hash, canonical) => {
    expect(canonicalBcrypt(hash)).toBe(canonical)
  })

  test.each([
    ['nothing', ''],
    ['a text', 'secret'],
    ['one that is cut', `$2a$10${REST.slice(0, -1)}`],
    ['one with more behind it', `$2a$10${REST}x`],
    ['one with a line behind it', `$2a$10${REST}\n`],
    ['one that takes minutes', `$2a$17${REST}`],
    ['another version', `$3a$10${REST}`],
    ['two letters', `$2ab$10${REST}`],
  ])('is not %s', (_, hash) => {
    expect(canonicalBcrypt(hash)).toBeNull()
  })
})
