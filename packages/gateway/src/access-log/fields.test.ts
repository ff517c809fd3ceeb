import { expect, test } from 'vitest'
import { apiWith, configWith, contextFor } from '../../test/support/steps.ts'
import { buildAccessLogFields } from './fields.ts'

const KEY = 'hello'

test.each<[name: string, config: Record<string, unknown>, token: string, shown: string]>([
  ['hashed with hash_keys', { hash_keys: true }, KEY, '248bfa47'],
  ['hashed with hash_keys, also when there is none', { hash_keys: true }, '', '00000000'],
  ['shown by its end without', { hash_keys: false }, KEY, '****ello'],
  ['hidden when its end would be all of it', { hash_keys: false }, 'word', '--'],
  ['shown whole on demand', { hash_keys: false, enable_key_logging: true }, KEY, KEY],
  ['-- when there is none', { hash_keys: false, enable_key_logging: true }, '', '--'],
])('a key is %s', (_, config, token, shown) => {
  const ctx = contextFor(apiWith({}))
  ctx.token = token
  expect(buildAccessLogFields(configWith(config))(ctx, 200, 0)['api_key']).toBe(shown)
})

test('fields that would be empty are left out, bytes become text, and an IPv6 peer has brackets', () => {
  const ctx = contextFor(apiWith({ name: '', org_id: '' }), { path: '/app/\u00c3\u00bc' })
  Object.assign(ctx, { peerIp: '::1' })
  Object.assign(ctx.request.socket, { remotePort: 4711 })
  const fields = buildAccessLogFields(configWith())(ctx, 200, 0)
  expect(fields).toMatchObject({ api_id: 'app', path: '/app/ü', remote_addr: '[::1]:4711' })
  expect(fields).not.toHaveProperty('api_name')
  expect(fields).not.toHaveProperty('org_id')
  expect(fields).not.toHaveProperty('response_flag')
})
