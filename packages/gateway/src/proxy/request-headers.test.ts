import { expect, test } from 'vitest'
import { requestedUpgrade } from './request-headers.ts'

test.each([
  ['Upgrade', 'websocket', 'websocket'],
  ['keep-alive, Upgrade', 'WebSocket', 'websocket'],
  ['Upgrade', 'foo/2', 'foo/2'],
  ['keep-alive', 'websocket', null],
  ['Upgrade', '', null],
  [undefined, 'websocket', null],
  ['Upgrade, HTTP2-Settings', 'h2c', null],
  ['Upgrade', 'H2C', null],
  ['Upgrade', 'websocket, h2c', null],
  ['Upgrade', 'h2c,websocket', null],
  ['Upgrade', 'h2', null],
  ['Upgrade', 'HTTP/2.0', null],
  ['Upgrade', 'TLS/1.2, HTTP/1.1', null],
])('Connection: %s with Upgrade: %s asks for %s', (connection, upgrade, expected) => {
  expect(requestedUpgrade(connection, upgrade)).toBe(expected)
})
