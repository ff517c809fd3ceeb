import { describe, expect, it } from 'vitest'
import { ledgerField, minuteOf, parseLedgerField } from './fields.ts'

describe('fields of the ledger', () => {
  it.each([
    ['ES', 'httpbin', 'delivered:ES:httpbin'],
    ['ES', '', 'delivered:ES:'],
    ['MY:SINK%', 'a:b', 'delivered:MY%3ASINK%25:a:b'],
    ['ES', '-', 'delivered:ES:-'],
  ])('say sink %j and API %j as %s, and back', (sink, apiId, field) => {
    expect(ledgerField('delivered', sink, apiId)).toBe(field)
    expect(parseLedgerField(field)).toEqual({ kind: 'booked', state: 'delivered', sink, apiId })
  })

  it('tell what gateways count from what pumps book', () => {
    expect(parseLedgerField('in:a:b')).toEqual({ kind: 'in', apiId: 'a:b' })
  })

  it('tell why records were dropped', () => {
    expect(parseLedgerField('file-gone:ES:a')).toEqual({ kind: 'reason', reason: 'file-gone', sink: 'ES', apiId: 'a' })
  })

  it.each(['', 'in', 'delivered:ES', 'lost:ES:a'])('pass over %j', (field) => {
    expect(parseLedgerField(field)).toBeNull()
  })

  it.each([
    [59.999, 0],
    [60, 1],
    [-1, -1],
  ])('put second %f into minute %i', (seconds, minute) => {
    expect(minuteOf(seconds)).toBe(minute)
  })
})
