import { expect, test } from 'vitest'
import { valueForHost } from './host-pattern.ts'

const all = {
  '*': 'any',
  '*.example.com': 'domain',
  '*.example.com:8443': 'domain and port',
  'a.example.com': 'host',
  'a.example.com:8443': 'host and port',
}

test.each([
  ['a.example.com', 8443, 'host and port'],
  ['a.example.com', 443, 'host'],
  ['b.example.com', 8443, 'domain and port'],
  ['b.example.com', 443, 'domain'],
  ['a.b.example.com', 443, 'any'],
  ['example.com', 443, 'any'],
  ['localhost', 443, 'any'],
])('%s:%i takes the entry for %s', (host, port, expected) => {
  expect(valueForHost([all], host, port)).toBe(expected)
})

test('a later map wins, whatever its pattern', () => {
  expect(valueForHost([all, { '*': 'own' }], 'a.example.com', 8443)).toBe('own')
  expect(valueForHost([all, { 'z.test': 'own' }], 'a.example.com', 8443)).toBe('host and port')
})

test('no entry is no value', () => {
  expect(valueForHost([{ 'z.test': 'x' }], 'a.test', 1)).toBeNull()
  expect(valueForHost([{ 'z.test': 'x' }], 'constructor', 1)).toBeNull()
})
