import { describe, expect, it } from 'vitest'
import { parseQuery } from '../../../../src/query/parse.ts'
import { groupQuery, sortGroups } from './groups.ts'

const group = {
  apiId: 'a1',
  apiName: 'orders',
  apiVersion: '',
  pathPattern: '/orders/{id}/items',
  code: 502,
  reason: 'x',
  madeBy: 'gateway' as const,
  count: 3,
  shareOfApi: 0.5,
  firstSeen: '2026-11-29T01:00:00.000Z',
  lastSeen: '2026-11-29T02:00:00.000Z',
  consumers: 1,
  sparkline: [1, 2],
  example: 'e',
}

describe('a group of errors', () => {
  it('is found by a query in which an id is a star', () => {
    expect(groupQuery(group)).toEqual([
      'response_code:502',
      'api_name:orders',
      '-api_version:*',
      'request_uri:/orders/*/items',
    ])
    expect(parseQuery(groupQuery(group).join(' and '))).toMatchObject({ kind: 'and' })
  })

  it.each(['/a b/{id}', '/"x"/{id}', '/(x)/{id}', '/back\\slash/{id}', '/cut/after/so/much…'])(
    'is found whatever its path %s holds',
    (pathPattern) => {
      const [, , , path = ''] = groupQuery({ ...group, pathPattern })
      expect(parseQuery(path)).toMatchObject({ kind: 'matches', field: 'request_uri' })
    },
  )

  it('is found without its paths where these are too long for the index', () => {
    const query = groupQuery({ ...group, apiVersion: 'v1', pathPattern: '(too long for the index)' })
    expect(query).toEqual(['response_code:502', 'api_name:orders', 'api_version:v1'])
  })

  it('comes first when it is the latest, the newest or the largest', () => {
    const later = { ...group, count: 1, lastSeen: '2026-11-29T03:00:00.000Z', shareOfApi: 0.1 }
    expect(sortGroups([group, later], 'count')[0]).toBe(group)
    expect(sortGroups([group, later], 'last')[0]).toBe(later)
    expect(sortGroups([later, group], 'share')[0]).toBe(group)
  })
})
