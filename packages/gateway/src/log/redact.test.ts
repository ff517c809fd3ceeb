import { expect, test } from 'vitest'
import { obfuscateKey } from './redact.ts'

test.each([
  ['', '--'],
  ['abcd', '--'],
  ['abcde', '****bcde'],
  ['defaultf3ada405ce890b6f8204094deb12d8a8', '****d8a8'],
])('shows %j as %s', (key, shown) => {
  expect(obfuscateKey(key)).toBe(shown)
})
