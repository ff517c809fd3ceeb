import { describe, expect, it } from 'vitest'
import { type Bookings, LedgerBook } from './book.ts'
import type { LedgerState } from './fields.ts'

const deliver = (book: LedgerBook, records: number, state: LedgerState = 'delivered'): void => {
  for (let i = 0; i < records; i++) book.add(state, { error: null, seconds: 420, apiId: 'api' }, 0)
}

/** Each stretch as its end and how many records it has. */
function shape({ known, stretches }: Bookings): unknown {
  const counted = stretches.map(({ to, tally }) => {
    let sum = 0
    tally.forEach((_, __, ___, records) => {
      sum += records
    })
    return [to, sum]
  })
  return { known, stretches: counted }
}

describe('the book of one sink in one lease', () => {
  it('sends a stretch once when the reply comes', () => {
    const book = new LedgerBook(0)
    deliver(book, 3)
    expect(shape(book.seal(3))).toEqual({ known: 0, stretches: [[3, 3]] })
    book.stored(3)
    deliver(book, 2)
    expect(shape(book.seal(5))).toEqual({ known: 3, stretches: [[5, 2]] })
  })

  it('sends it again, apart from what came since, when the reply is lost', () => {
    const book = new LedgerBook(10)
    deliver(book, 3)
    book.seal(13)
    deliver(book, 2)
    expect(shape(book.seal(15))).toEqual({
      known: 10,
      stretches: [
        [13, 3],
        [15, 2],
      ],
    })
    expect(shape(book.seal(15))).toEqual({
      known: 10,
      stretches: [
        [13, 3],
        [15, 2],
      ],
    })
    book.stored(15)
    expect(shape(book.seal(15))).toEqual({ known: 15, stretches: [] })
  })

  it('does not take what settles during a commit for stored by it', () => {
    const book = new LedgerBook(0)
    deliver(book, 1)
    book.seal(1)
    deliver(book, 1)
    book.stored(1)
    expect(shape(book.seal(2))).toEqual({ known: 1, stretches: [[2, 1]] })
  })

  it('sends what was stored lately once more when Redis has forgotten it', () => {
    const book = new LedgerBook(0)
    for (let to = 1; to <= 20; to++) {
      deliver(book, 1)
      book.seal(to)
      book.stored(to)
    }
    deliver(book, 5)
    book.seal(25)
    book.rewind()
    const { known, stretches } = book.seal(25)
    expect(known).toBe(0)
    expect(stretches.map(({ to }) => to)).toEqual([...Array.from({ length: 16 }, (_, i) => i + 5), 25])
  })
})
