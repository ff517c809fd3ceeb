import { expect, test } from 'vitest'
import { clientAddress, plainAddress } from './client-ip.ts'

test.each([
  ['no header', null, null, 0, '10.0.0.9'],
  ['a real IP', '9.9.9.9', '1.1.1.1', 0, '9.9.9.9'],
  ['a real IP that is none', 'unknown', '1.1.1.1', 0, '1.1.1.1'],
  ['depth 0', null, '1.1.1.1, 2.2.2.2, 3.3.3.3', 0, '1.1.1.1'],
  ['depth 1', null, '1.1.1.1, 2.2.2.2, 3.3.3.3', 1, '3.3.3.3'],
  ['depth 3', null, '1.1.1.1, 2.2.2.2, 3.3.3.3', 3, '1.1.1.1'],
  ['a depth beyond the list', null, '1.1.1.1', 2, ''],
  ['a negative depth', null, '1.1.1.1', -1, ''],
  ['an entry that is no address', null, 'me, 2.2.2.2', 0, '10.0.0.9'],
  ['an entry with a port', null, '1.1.1.1:80', 0, '10.0.0.9'],
  ['an octet with a leading zero', null, '01.1.1.1', 0, '10.0.0.9'],
  ['an IPv6 address', null, '2001:DB8:0:0:0:0:0:1', 0, '2001:db8::1'],
  ['an IPv4-mapped address', null, '::ffff:1.2.3.4', 0, '1.2.3.4'],
  ['an address with a zone', null, 'fe80::1%eth0', 0, '10.0.0.9'],
  ['an empty header', null, '', 0, '10.0.0.9'],
])('takes the client’s address with %s', (_, realIp, forwarded, depth, expected) => {
  expect(clientAddress(realIp, forwarded, depth, '10.0.0.9')).toBe(expected)
})

test('shows mapped peers as IPv4', () => {
  expect(plainAddress('::ffff:127.0.0.1')).toBe('127.0.0.1')
  expect(plainAddress('::1')).toBe('::1')
  expect(plainAddress(undefined)).toBe('')
})
