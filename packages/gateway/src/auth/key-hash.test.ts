import { describe, expect, test } from 'vitest'
import { bytesKeptBy } from '../../test/support/heap.ts'
import { hashKey, hashText } from './key-hash.ts'

const MYKEY_64 = 'eyJvcmciOiI1ZTlkOTU0NGExZGNkNjAwMDFkMGVkMjAiLCJpZCI6Im15a2V5IiwiaCI6Im11cm11cjY0In0='

describe('hashText', () => {
  test.each([
    ['', '00000000', '0000000000000000', '0000000000000000'],
    ['hello', '248bfa47', 'cbd8a7b341bd9b02', '5b1e906a48ae1d19'],
    ['The quick brown fox jumps over the lazy dog', '2e4ff723', 'e34bbc7bbc071b6c', '7a433ca9c49a9347'],
    ['5e9d9544a1dcd60001d0ed20mykey', '6c7cc257', '20461f1327990e95', '61ecc3a75325f6c6'],
    [MYKEY_64, 'e638c2d3', '707aa6ff06f85a4a', '558af14b3cb9763a'],
  ])('gives the murmur hashes of %j', (text, murmur32, first, second) => {
    expect(hashText(text, 'murmur32')).toBe(murmur32)
    expect(hashText(text, 'murmur64')).toBe(first)
    expect(hashText(text, 'murmur128')).toBe(first + second)
  })

  test.each([
    ['GET:/anything', 'd661c6ba'],
    ['apilimiter-default1', 'bfbb2310'],
    // As a real gateway recorded them: no final mixing when the length is a multiple of four.
    ['hmac-key', '234f81d6'],
    ['defaultkey-of-the-vector', 'b2af7b6e'],
  ])('gives the 32-bit hash of %j', (text, murmur32) => {
    expect(hashText(text, 'murmur32')).toBe(murmur32)
  })

  test('gives SHA-256 in hexadecimal', () => {
    expect(hashText('hello', 'sha256')).toBe('2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824')
  })
})

describe('hashKey', () => {
  test.each([
    ['a key in the older form takes murmur32', 'defaultf3ada405ce890b6f8204094deb12d8a8', '8f92a321'],
    ['a key in JSON form takes the function it names', MYKEY_64, '707aa6ff06f85a4a'],
    [
      'so does the key of a token identity',
      'eyJvcmciOiJkZWZhdWx0IiwiaWQiOiJmM2FkYTQwNWNlODkwYjZmODIwNDA5NGRlYjEyZDhhOCIsImgiOiJtdXJtdXI2NCJ9',
      'c4f697702ddb8ec9',
    ],
    ['no key is the hash of the empty text', '', '00000000'],
    ['text that only begins like a JSON key takes murmur32', 'eyJ!', hashText('eyJ!', 'murmur32')],
  ])('%s', (_, key, hash) => {
    expect(hashKey(key)).toBe(hash)
    expect(hashKey(key)).toBe(hash)
  })
})

test('long texts are hashed and not remembered', () => {
  const kept = bytesKeptBy(() => {
    for (let i = 0; i < 200; i++) hashKey(Buffer.alloc(100_000, `key-${i}-`).toString('latin1'))
  })
  expect(kept).toBeLessThan(8_000_000)
})
