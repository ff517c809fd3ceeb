import { describe, expect, it } from 'vitest'
import { LedgerAccount } from './ledger-account.ts'

const PLACE = '{analytics-tyk-system-analytics}:ledger:100'
const nothingWaits = (): number => 0

function account(hash: Readonly<Record<string, string>>, expected = ['ES'], since = { ES: '50' }): LedgerAccount {
  const sum = new LedgerAccount(expected, since)
  sum.addWritten(PLACE, hash)
  sum.addBooked(PLACE, hash)
  return sum
}

describe('the account of the ledger', () => {
  it('tells what is pending from what is booked', () => {
    const sum = account({
      'in:a': '10',
      'delivered:ES:a': '5',
      'filtered:ES:a': '1',
      'dead:ES:a': '1',
      'dropped:ES:a': '1',
    })
    expect(sum.written).toBe(10)
    expect(sum.sinks(nothingWaits)).toEqual([
      { name: 'ES', delivered: 5, filtered: 1, dead: 1, dropped: 1, pending: 2, missing: 2, completeness: 0.8 },
    ])
  })

  it('counts nothing as missing that waits, or may wait where nobody can say', () => {
    const sum = account({ 'in:a': '10', 'delivered:ES:a': '7' })
    expect(sum.sinks(() => 2)[0]).toMatchObject({ pending: 3, missing: 1 })
    expect(sum.sinks(() => 9)[0]).toMatchObject({ pending: 3, missing: 0 })
    expect(sum.sinks(() => null)[0]).toMatchObject({ pending: 3, missing: 0 })
  })

  it('does not let records that nobody counted hide others that are missing', () => {
    const sum = account({ 'in:a': '10', 'delivered:ES:a': '7', 'delivered:ES:go': '20' })
    expect(sum.sinks(nothingWaits)[0]).toMatchObject({ delivered: 27, pending: 3, completeness: 0.7 })
  })

  it('expects every record of every sink, also of one that booked nothing, but not before it was there', () => {
    const hash = { 'in:a': '4', 'delivered:ES:a': '4' }
    expect(account(hash, ['CSV', 'ES'], { ES: '50', CSV: '60' } as never).sinks(nothingWaits)[0]).toMatchObject({
      name: 'CSV',
      pending: 4,
    })
    expect(account(hash, ['CSV', 'ES'], { ES: '50', CSV: '100' } as never).sinks(nothingWaits)[0]).toMatchObject({
      name: 'CSV',
      pending: 0,
      completeness: null,
    })
  })

  it('says only what is booked of a sink that nobody has any more', () => {
    const sum = account({ 'in:a': '10', 'delivered:ES:a': '10', 'delivered:OLD:a': '4' })
    expect(sum.sinks(nothingWaits).find(({ name }) => name === 'OLD')).toMatchObject({ delivered: 4, pending: 0 })
  })

  it('reads names with colons, and leaves out what is no record or no number', () => {
    const sum = account(
      { 'in:a:b': '2', 'delivered:E%3AS:a:b': '2', 'dead:ES:-': '5', 'in:c': 'x', odd: '1' },
      ['E:S'],
      {
        'E:S': '1',
      } as never,
    )
    expect(sum.sinks(nothingWaits)).toEqual([
      { name: 'E:S', delivered: 2, filtered: 0, dead: 0, dropped: 0, pending: 0, missing: 0, completeness: 1 },
    ])
  })
})
