import { expect, test } from 'vitest'
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
