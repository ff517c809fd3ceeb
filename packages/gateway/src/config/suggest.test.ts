import { expect, test } from 'vitest'
import { suggest } from './suggest.ts'

const known = ['listen_port', 'analytics_config.ignored_ips', 'secret', 'TYK_GW_LISTENPORT', 'TYK_GW_HASHKEYS', 'jwks']

test.each([
  ['listen_prot', 'listen_port'],
  ['listenport', 'listen_port'],
  ['Listen_Ports', 'listen_port'],
  ['analytics_config.ignore_ips', 'analytics_config.ignored_ips'],
  ['TYK_GW_LISTEN_PORT', 'TYK_GW_LISTENPORT'],
  ['TYK_GW_HASH_KEYS', 'TYK_GW_HASHKEYS'],
  ['jwk', 'jwks'],
])('%s is taken for %s', (name, meant) => {
  expect(suggest(name, known)).toBe(`${name} (did you mean ${meant}?)`)
})

test.each(['nonsense', 'port', 'secrets_of_all', 'jw', 'TYK_GW_STREAMING'])('%s resembles nothing', (name) => {
  expect(suggest(name, known)).toBe(name)
})
