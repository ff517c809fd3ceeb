import { describe, expect, it } from 'vitest'
import { parseLedgerField } from '../../ledger/index.ts'
import { Account, type AccountOptions } from './account.ts'

function counts(fields: Readonly<Record<string, number>>) {
  return Object.entries(fields).flatMap(([name, records]) => {
    const field = parseLedgerField(name)
    return field === null ? [] : [{ field, records }]
  })
}

function account(options: Partial<AccountOptions> = {}): Account {
  return new Account({ by: 'api', api: null, shown: null, expected: ['ES'], newUntil: new Map(), ...options })
}

describe('the account', () => {
  it('tells what is pending from what is booked', () => {
    const sum = account()
    sum.add(1, counts({ 'in:a': 10, 'delivered:ES:a': 5, 'filtered:ES:a': 1, 'dead:ES:a': 1, 'dropped:ES:a': 1 }))
    expect(sum.sinks.get('ES')?.total).toEqual({
      in: 10,
      delivered: 5,
      filtered: 1,
      dead: 1,
      dropped: 1,
      pending: 2,
      uncounted: 0,
    })
  })

  it('does not let records that nobody counted hide others that are missing', () => {
    const sum = account()
    sum.add(1, counts({ 'in:a': 10, 'delivered:ES:a': 7, 'delivered:ES:go': 20 }))
    sum.add(2, counts({ 'in:a': 10, 'delivered:ES:a': 13 }))
    expect(sum.sinks.get('ES')?.total).toMatchObject({ in: 20, delivered: 40, pending: 3, uncounted: 23 })
  })

  it('expects every record of every configured sink, also of one that booked nothing', () => {
    const sum = account({ expected: ['CSV', 'ES'] })
    sum.add(1, counts({ 'in:a': 3, 'delivered:ES:a': 3 }))
    expect(sum.sinks.get('CSV')?.total).toMatchObject({ in: 3, pending: 3 })
    expect(sum.sinks.get('ES')?.total).toMatchObject({ in: 3, pending: 0 })
  })

  it('expects nothing of a sink before it was there', () => {
    const sum = account({ newUntil: new Map([['ES', 5]]) })
    sum.add(5, counts({ 'in:a': 10, 'delivered:ES:a': 4 }))
    sum.add(6, counts({ 'in:a': 10, 'delivered:ES:a': 9 }))
    expect(sum.sinks.get('ES')?.total).toMatchObject({ in: 14, delivered: 13, pending: 1, uncounted: 0 })
  })

  it('says only what is booked of a sink that is not configured', () => {
    const sum = account()
    sum.add(1, counts({ 'in:a': 10, 'delivered:ES:a': 10, 'delivered:OLD:a': 4 }))
    expect(sum.sinks.get('OLD')?.total).toMatchObject({ in: 4, delivered: 4, pending: 0, uncounted: 0 })
  })

  it('tells how many of the dropped ones lay in files that are gone', () => {
    const sum = account({ api: 'a' })
    sum.add(1, counts({ 'in:a': 10, 'dropped:ES:a': 6, 'file-gone:ES:a': 4, 'dropped:ES:b': 2, 'file-gone:ES:b': 2 }))
    expect(sum.sinks.get('ES')).toMatchObject({ total: { in: 10, dropped: 6, pending: 4 }, fileGone: 4 })
  })

  it('keeps what is no record out of the sums', () => {
    const sum = account()
    sum.add(1, counts({ 'in:a': 2, 'delivered:ES:a': 2, 'dead:ES:-': 3 }))
    const found = sum.sinks.get('ES')
    expect(found?.total).toMatchObject({ in: 2, dead: 0, uncounted: 0 })
    expect(found?.noRecords).toBe(3)
    expect(found?.groups.get('-')).toMatchObject({ dead: 3, uncounted: 0 })
  })

  it.each([
    ['minute', ['2026-09-21T14:13Z', '2026-09-21T15:00Z']],
    ['hour', ['2026-09-21T14:00Z', '2026-09-21T15:00Z']],
    ['api', ['a', 'b']],
    ['total', []],
  ] as const)('groups by %s', (by, names) => {
    const sum = account({ by })
    sum.add(29_833_333, counts({ 'in:a': 1 }))
    sum.add(29_833_380, counts({ 'in:b': 1 }))
    expect([...(sum.sinks.get('ES')?.groups.keys() ?? [])]).toEqual(names)
  })

  it('counts one API, or one sink, alone when that is asked for', () => {
    const sum = account({ api: 'a', shown: ['ES'], expected: ['CSV', 'ES'] })
    sum.add(1, counts({ 'in:a': 1, 'in:b': 2 }))
    expect(sum.written).toBe(1)
    expect([...sum.sinks.keys()]).toEqual(['ES'])
    expect(sum.sinks.get('ES')?.total.in).toBe(1)
  })
})
