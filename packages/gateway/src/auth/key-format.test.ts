import { describe, expect, test } from 'vitest'
import { decodeBase64, generateKey, organisationOf } from './key-format.ts'

describe('generateKey', () => {
  test.each([
    ['default', 'mykey', '', 'defaultmykey'],
    ['default', 'defaultmykey', '', 'defaultmykey'],
    ['', 'mykey', '', 'mykey'],
    [
      '5e9d9544a1dcd60001d0ed20',
      'mykey',
      'murmur64',
      'eyJvcmciOiI1ZTlkOTU0NGExZGNkNjAwMDFkMGVkMjAiLCJpZCI6Im15a2V5IiwiaCI6Im11cm11cjY0In0=',
    ],
    [
      'default',
      'my-custom-key',
      'murmur64',
      'eyJvcmciOiJkZWZhdWx0IiwiaWQiOiJteS1jdXN0b20ta2V5IiwiaCI6Im11cm11cjY0In0=',
    ],
  ])('of organisation %j, id %j and function %j is %s', (org, id, hash, key) => {
    expect(generateKey(org, id, hash)).toBe(key)
  })

  test('takes murmur64 for a function it does not know', () => {
    expect(generateKey('o', 'i', 'md5')).toBe(generateKey('o', 'i', 'murmur64'))
  })

  test('makes a new id of 32 hexadecimal characters when given none', () => {
    const first = generateKey('default', '', '')
    expect(first).toMatch(/^default[0-9a-f]{32}$/)
    expect(generateKey('default', '', '')).not.toBe(first)
  })
})

describe('organisationOf', () => {
  test.each([
    ['the member of a JSON key', generateKey('acme', 'x', 'murmur64'), 'acme'],
    ['the empty organisation of a JSON key', generateKey('', 'x', 'sha256'), ''],
    ['24 hexadecimal characters with something behind', '5e9d9544a1dcd60001d0ed20mykey', '5e9d9544a1dcd60001d0ed20'],
    ['24 hexadecimal characters alone name none', '5e9d9544a1dcd60001d0ed20', ''],
    ['any other text names none', 'defaultmykey', ''],
    ['a JSON web token names none', 'eyJhbGciOiJIUzI1NiJ9.eyJvcmciOiJ4In0.c2ln', ''],
  ])('%s', (_, key, org) => {
    expect(organisationOf(key)).toBe(org)
  })
})

describe('decodeBase64', () => {
  test.each([
    ['Zm9v', 'foo'],
    ['Zm8=', 'fo'],
    ['Zg==', 'f'],
    ['Zm\r\n9v', 'foo'],
    ['', ''],
  ])('decodes %j', (text, bytes) => {
    expect(decodeBase64(text)?.toString()).toBe(bytes)
  })

  test.each(['Zm8', '***', 'Zm9v=', 'Zm9v-_', 'Zm 9v'])('refuses %j', (text) => {
    expect(decodeBase64(text)).toBeNull()
  })
})
