import { describe, expect, it } from 'vitest'
import { analyticsKey, ledgerKey, sourceLists } from './redis-keys.ts'

describe('analyticsKey', () => {
  it.each([
    ['msgpack', null, 'analytics-tyk-system-analytics'],
    ['protobuf', null, 'analytics-tyk-system-analytics_protobuf'],
    ['msgpack', 0, 'analytics-tyk-system-analytics_0'],
    ['protobuf', 9, 'analytics-tyk-system-analytics_9_protobuf'],
  ] as const)('names the %s list of shard %s %s', (serialisation, shard, key) => {
    expect(analyticsKey(serialisation, shard)).toBe(key)
  })
})

describe('sourceLists', () => {
  it('names 22 different lists, plain ones first', () => {
    const lists = sourceLists()
    expect(new Set(lists.map((list) => list.key)).size).toBe(22)
    expect(lists[0]).toEqual({ key: 'analytics-tyk-system-analytics', serialisation: 'msgpack' })
    expect(lists[21]).toEqual({ key: 'analytics-tyk-system-analytics_9_protobuf', serialisation: 'protobuf' })
  })

  it('puts a prefix of the pump before each', () => {
    expect(sourceLists('x-').every((list) => list.key.startsWith('x-tyk-system-analytics'))).toBe(true)
  })
})

describe('ledgerKey', () => {
  it.each([
    ['analytics-tyk-system-analytics', '{analytics-tyk-system-analytics}:ledger:29731234'],
    ['analytics-tyk-system-analytics_3_protobuf', '{analytics-tyk-system-analytics_3_protobuf}:ledger:29731234'],
    ['{eu}-tyk-system-analytics', '{eu}-tyk-system-analytics:ledger:29731234'],
  ])('keeps the ledger of %s in the slot of the list', (source, key) => {
    expect(ledgerKey(source, 29_731_234)).toBe(key)
  })
})
