import { describe, expect, test } from 'vitest'
import { apiWith } from '../../test/support/steps.ts'
import { asksForClientCertificate, unsupportedAuth, usesAuthToken } from './supported.ts'

describe('unsupportedAuth', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['OAuth', { use_oauth2: true }, 'use_oauth2'],
    ['a plugin', { custom_plugin_auth_enabled: true }, 'custom_plugin_auth_enabled'],
    ['a Go plugin', { use_go_plugin_auth: true }, 'use_go_plugin_auth'],
    ['a coprocess', { enable_coprocess_auth: true }, 'enable_coprocess_auth'],
  ])('names the key that asks for %s', (_, definition, key) => {
    expect(unsupportedAuth(apiWith(definition).definition)).toMatch(new RegExp(`: ${key.replaceAll('.', '\\.')}$`))
  })

  test.each<[string, Record<string, unknown>]>([
    ['a keyless API', { use_keyless: true, use_oauth2: true }],
    ['the auth token', { use_standard_auth: true }],
    ['JSON web tokens', { enable_jwt: true }],
    ['basic auth', { use_basic_auth: true }],
    ['HTTP signatures', { enable_signature_checking: true }],
    ['mutual TLS', { use_mutual_tls_auth: true }],
    ['OpenID', { use_openid: true }],
    ['external OAuth', { external_oauth: { enabled: true } }],
    ['keys of client certificates', { auth_configs: { authToken: { use_certificate: true } } }],
    ['a plugin that is disabled', { use_go_plugin_auth: true, custom_middleware: { auth_check: { disabled: true } } }],
    ['signatures of keys', { auth: { validate_signature: true } }],
  ])('has nothing against %s', (_, definition) => {
    expect(unsupportedAuth(apiWith(definition).definition)).toBeNull()
  })
})

test.each<[string, Record<string, unknown>, boolean]>([
  ['asked for', { use_standard_auth: true, enable_jwt: true }, true],
  ['no other way', {}, true],
  ['another way', { enable_jwt: true }, false],
  ['keyless', { use_keyless: true, use_standard_auth: true }, false],
])('checks the auth token: %s', (_, definition, used) => {
  expect(usesAuthToken(apiWith(definition).definition)).toBe(used)
})

test.each<[string, Record<string, unknown>, boolean]>([
  ['mutual TLS, keyless too', { use_keyless: true, use_mutual_tls_auth: true }, true],
  ['keys of certificates', { auth: { use_certificate: true } }, true],
  ['keys of certificates in the newer place', { auth_configs: { authToken: { use_certificate: true } } }, true],
  [
    'an older object that the newer place hides',
    { auth: { use_certificate: true }, auth_configs: { authToken: {} } },
    false,
  ],
  ['keys that are not in use', { enable_jwt: true, auth: { use_certificate: true } }, false],
  ['nothing', {}, false],
])('looks at certificates of clients: %s', (_, definition, looks) => {
  expect(asksForClientCertificate(apiWith(definition).definition)).toBe(looks)
})
