import { expect, test, vi } from 'vitest'
import { bytesKeptBy } from '../../test/support/heap.ts'
import { canonicalHeaderName, HeaderList, headerListFromRaw } from './headers.ts'

test.each([
  ['x-api-KEY', 'X-Api-Key'],
  ['ETAG', 'Etag'],
  ['WWW-authenticate', 'Www-Authenticate'],
  ['x--y', 'X--Y'],
  ['1x-2y', '1x-2y'],
  ['bad name', 'bad name'],
  ['caf\xe9', 'caf\xe9'],
])('writes %j as %j', (name, canonical) => {
  expect(canonicalHeaderName(name)).toBe(canonical)
})

test('keeps lines of one name apart and in order, without Host', () => {
  const list = headerListFromRaw(['Host', 'h', 'x-a', '1', 'X-A', '2', 'cookie', 'c'])
  expect(list.pairs).toEqual(['X-A', '1', 'X-A', '2', 'Cookie', 'c'])
  expect(list.getAll('X-A')).toEqual(['1', '2'])
  expect(list.get('Host')).toBeNull()
})

test('setting replaces all lines at the place of the first', () => {
  const list = new HeaderList(['A', '1', 'B', 'b', 'A', '2'])
  list.set('A', 'x')
  list.set('C', 'c')
  expect(list.pairs).toEqual(['A', 'x', 'B', 'b', 'C', 'c'])
  list.delete('B')
  expect(list.pairs).toEqual(['A', 'x', 'C', 'c'])
})

test('long names, which only strangers send, are not remembered', () => {
  const kept = bytesKeptBy(() => {
    for (let i = 0; i < 1000; i++) canonicalHeaderName(Buffer.alloc(16_384, `x-${i}-`).toString('latin1'))
  })
  expect(kept).toBeLessThan(8_000_000)
})

test('of invented names only the latest are remembered', () => {
  const kept = bytesKeptBy(() => {
    for (let i = 0; i < 100_000; i++) canonicalHeaderName(`x-passing-${i}`)
  })
  expect(kept).toBeLessThan(2_000_000)
})

test('a name that comes again is found, however many were invented before', () => {
  for (let i = 0; i < 10_000; i++) canonicalHeaderName(`x-invented-${i}`)
  canonicalHeaderName('x-of-a-later-client')
  const lowered = vi.spyOn(String.prototype, 'toLowerCase')
  const canonical = canonicalHeaderName('x-of-a-later-client')
  const { length: timesMade } = lowered.mock.calls
  lowered.mockRestore()
  expect({ canonical, timesMade }).toEqual({ canonical: 'X-Of-A-Later-Client', timesMade: 0 })
})
