import { createSecureContext, getCiphers } from 'node:tls'
import { expect, test } from 'vitest'
import { chooseCiphers } from './ciphers.ts'

test('no names leave the defaults', () => {
  expect(chooseCiphers([], 771)).toEqual({ ciphers: undefined, unknown: [] })
})

test('names are found in any letter case, and those without meaning are told', () => {
  const { ciphers, unknown } = chooseCiphers(['tls_rsa_with_aes_128_gcm_sha256', 'TLS_NOTHING'], 771)
  expect(ciphers?.split(':')).toContain('AES128-GCM-SHA256')
  expect(unknown).toEqual(['TLS_NOTHING'])
})

test('the suites of TLS 1.3 stay available', () => {
  expect(chooseCiphers(['TLS_RSA_WITH_AES_128_CBC_SHA'], 771).ciphers).toContain('TLS_AES_128_GCM_SHA256')
})

test.each(['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'])(
  '%s is a name of the same suite',
  (name) => expect(chooseCiphers([name], 771).ciphers).toMatch(/:ECDHE-RSA-CHACHA20-POLY1305$/),
)

test('versions before 1.2 lower the security level of OpenSSL', () => {
  const { ciphers } = chooseCiphers([], 769)
  expect(ciphers).toBe('DEFAULT:@SECLEVEL=0')
  expect(() => createSecureContext({ ciphers: ciphers as string, minVersion: 'TLSv1' })).not.toThrow()
})

test('OpenSSL knows the suites that Go offers by default', () => {
  const known = new Set(getCiphers())
  const { ciphers } = chooseCiphers(
    ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'],
    771,
  )
  for (const name of (ciphers ?? '').split(':')) expect(known).toContain(name.toLowerCase())
})
