import { expect, test } from 'vitest'
import { misspeltKeys } from './unknown-keys.ts'

test.each([
  [{ allowed_ip: ['10.0.0.1'] }, [{ path: 'allowed_ip', meant: 'allowed_ips' }]],
  [{ proxy: { listenpath: '/a/' } }, [{ path: 'proxy.listenpath', meant: 'listen_path' }]],
  [
    { version_data: { versions: { v1: { extended_paths: { whitelist: [] } } } } },
    [{ path: 'version_data.versions.v1.extended_paths.whitelist', meant: 'white_list' }],
  ],
  [{ auth_configs: { jwt: { use_cookies: true } } }, [{ path: 'auth_configs.jwt.use_cookies', meant: 'use_cookie' }]],
])('%j', (json, expected) => {
  expect(misspeltKeys(json)).toEqual(expected)
})

test.each([
  ['keys of the Dashboard', { is_site: false, hook_references: [], sort_by: '', session_lifetime_disabled: true }],
  ['another letter case', { Allowed_IPs: [], cors: { enable: true } }],
  ['a known key beside the unknown one', { allowed_ips: [], allowed_ip: [] }],
  ['names that users choose', { version_data: { versions: { nam: {} } }, config_data: { allowed_ip: 1 } }],
])('nothing for %s', (_name, json) => {
  expect(misspeltKeys(json)).toEqual([])
})
