import { describe, expect, it } from 'vitest'
import { createTimeReader, secondText } from './time-text.ts'

const read = createTimeReader()
const NOON = Date.parse('2026-03-04T12:00:00Z')

/** What is found by comparing texts must agree with what is found by comparing times. */
const FORMS: readonly (readonly [string, number])[] = [
  ['2026-03-04 12:00:00', NOON],
  ['2026-03-04 12:00:00Z', NOON],
  ['2026-03-04 12:00:00.5', NOON + 500],
  ['2026-03-04 12:00:00.12Z', NOON + 120],
  ['2026-03-04 12:00:00.007', NOON + 7],
  ['2026-03-04 12:00:00.007999999', NOON + 7],
  ['2026-03-04 12:00:00.007+00:00', NOON + 7],
  ['2026-03-04 12:00:00.007 +0000', NOON + 7],
]

describe('the text of a time', () => {
  it.each(FORMS)('is read: %s', (text, ms) => {
    expect(read(text)).toBe(ms)
  })

  it.each(FORMS)('sorts into its second: %s', (text, ms) => {
    expect(text >= secondText(ms)).toBe(true)
    expect(text < secondText(ms + 1000)).toBe(true)
  })

  it.each(['', 'yesterday', '2026-03-04', '2026-03-04T12:00:00Z', '2026-03-04 12:00:00+02:00', '2026-03-04 12:00'])(
    'is not read in a form that sorts elsewhere: %j',
    (text) => {
      expect(read(text)).toBeNaN()
    },
  )

  it('stays within four digits of a year', () => {
    expect(secondText(-1e15)).toBe('0000-01-01 00:00:00')
    expect(secondText(1e15)).toBe('9999-12-31 23:59:59')
  })
})
