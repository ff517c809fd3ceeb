import { describe, expect, test } from 'vitest'
import { apiWith } from '../../test/support/steps.ts'
import { unsupportedAuth, usesAuthToken } from './supported.ts'

describe('unsupportedAuth', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['OAuth', { use_oauth2: true }, 'use_oauth2'],
    ['external OAuth', { external_oauth: { enabled: true } }, 'external_oauth.enabled'],
    ['basic auth', { use_basic_auth: true }, 'use_basic_auth'],
    ['HTTP signatures', { enable_signature_checking: true }, 'enable_signature_checking'],
    ['OpenID', { use_openid: true }, 'use_openid'],
    ['a plugin', { custom_plugin_auth_enabled: true }, 'custom_plugin_auth_enabled'],
    ['a Go plugin', { use_go_plugin_auth: true }, 'use_go_plugin_auth'],
    ['a coprocess', { enable_coprocess_auth: true }, 'enable_coprocess_auth'],
    ['mutual TLS, keyless too', { use_keyless: true, use_mutual_tls_auth: true }, 'use_mutual_tls_auth'],
    [
      'client certificates',
      { auth_configs: { authToken: { use_certificate: true } } },
      'auth_configs.authToken.use_certificate',
    ],
    ['token signatures', { auth: { validate_signature: true } }, 'auth.validate_signature'],
  ])('names the key that asks for %s', (_, definition, key) => {
    expect(unsupportedAuth(apiWith(definition).definition)).toMatch(new RegExp(`: ${key.replaceAll('.', '\\.')}$`))
  })

  test.each<[string, Record<string, unknown>]>([
    ['a keyless API', { use_keyless: true, use_oauth2: true }],
    ['the auth token', { use_standard_auth: true }],
    ['JSON web tokens', { enable_jwt: true }],
    ['a plugin that is disabled', { use_go_plugin_auth: true, custom_middleware: { auth_check: { disabled: true } } }],
    ['a signature of an auth token that is not in use', { enable_jwt: true, auth: { validate_signature: true } }],
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
