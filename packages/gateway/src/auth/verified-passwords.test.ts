import { expect, test } from 'vitest'
import { createVerifiedPasswords } from './verified-passwords.ts'

const stored = { password: '$2a$10$hash', hash_type: 'bcrypt' }
const secret = Buffer.from('secret')

test('a password is remembered for its time, and not longer', () => {
  const clock = { ms: 1000 }
  const verified = createVerifiedPasswords(60_000, () => clock.ms)
  expect(verified.has(stored, secret)).toBe(false)
  verified.add(stored, secret)
  clock.ms += 59_999
  expect(verified.has(stored, secret)).toBe(true)
  clock.ms += 1
  expect(verified.has(stored, secret)).toBe(false)
})

test('another password, or another stored hash, is not', () => {
  const verified = createVerifiedPasswords(60_000, () => 0)
  verified.add(stored, secret)
  expect(verified.has(stored, Buffer.from('secre'))).toBe(false)
  expect(verified.has({ ...stored, password: '$2a$10$other' }, secret)).toBe(false)
  expect(verified.has(stored, secret)).toBe(true)
})

test('what strangers make it remember has a bound', () => {
  const verified = createVerifiedPasswords(60_000, () => 0)
  verified.add(stored, secret)
  for (let i = 0; i < 20_000; i++) verified.add({ ...stored, password: String(i) }, secret)
  expect(verified.has(stored, secret)).toBe(false)
})
