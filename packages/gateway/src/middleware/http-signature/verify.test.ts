import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { algorithmOf, isHmacOf, isRsaSignatureOf } from './verify.ts'

describe('algorithmOf', () => {
  test.each([
    ['', { kind: 'hmac', hash: 'sha1' }],
    ['hmac-sha1', { kind: 'hmac', hash: 'sha1' }],
    ['hmac-sha512', { kind: 'hmac', hash: 'sha512' }],
    ['rsa-sha256', { kind: 'rsa' }],
  ])('knows %j', (name, algorithm) => {
    expect(algorithmOf(name)).toEqual(algorithm)
  })

  test.each(['hmac-md5', 'HMAC-SHA256', 'sha256', 'none', 'rsa', 'rsa-sha1', 'constructor', '__proto__'])(
    'does not know %s',
    (name) => {
      expect(algorithmOf(name)).toBeNull()
    },
  )
})

describe('a signature with a shared secret', () => {
  const text = 'date: Mon, 02 Jan 2023 15:04:05 GMT'
  // Recorded from Tyk.
  const recorded = '33zfu8eDpieCwZCSyi9t9IfUUb5TUUii3%2B8PZ1x%2BAtw%3D'

  test('is that of a recorded request, its escapes in either letter case', () => {
    expect(isHmacOf(text, recorded, 'shared-secret', 'sha256')).toBe(true)
    expect(isHmacOf(text, recorded.replaceAll('%2B', '%2b').replaceAll('%3D', '%3d'), 'shared-secret', 'sha256')).toBe(
      true,
    )
  })

  test.each([
    ['without escapes', decodeURIComponent(recorded)],
    ['with an escape of what needs none', `%33${recorded.slice(1)}`],
    ['in other letters', recorded.toLowerCase()],
    ['cut', recorded.slice(0, -3)],
    ['empty', ''],
    ['of the wrong length', `${recorded}A`],
  ])('is refused %s', (_, signature) => {
    expect(isHmacOf(text, signature, 'shared-secret', 'sha256')).toBe(false)
  })

  test('is refused for another text, secret or hash', () => {
    expect(isHmacOf(`${text} `, recorded, 'shared-secret', 'sha256')).toBe(false)
    expect(isHmacOf(text, recorded, 'shared-secret ', 'sha256')).toBe(false)
    expect(isHmacOf(text, recorded, 'shared-secret', 'sha512')).toBe(false)
  })

  test('is over the bytes of the text', () => {
    const signature = createHmac('sha1', 'k')
      .update(Buffer.from([0x61, 0xe9]))
      .digest('base64')
    expect(isHmacOf('a\xe9', encodeURIComponent(signature), 'k', 'sha1')).toBe(true)
  })
})

describe('a signature with a key pair', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signature = sign('sha256', Buffer.from('text'), privateKey).toString('base64')

  test('is that of the private key', () => {
    expect(isRsaSignatureOf('text', signature, publicKey)).toBe(true)
    expect(isRsaSignatureOf('texts', signature, publicKey)).toBe(false)
  })

  test.each([
    ['escaped', encodeURIComponent(signature)],
    ['with another hash', sign('sha1', Buffer.from('text'), privateKey).toString('base64')],
    ['without padding', signature.replaceAll('=', '')],
    ['no base64', '***'],
    ['empty bytes', '===='],
  ])('is refused: %s', (_, bad) => {
    expect(isRsaSignatureOf('text', bad, publicKey)).toBe(false)
  })
})
