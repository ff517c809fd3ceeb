import { describe, expect, test } from 'vitest'
import { format, MEASURES, verdictOf } from './measures.ts'

const measure = (id: string) => MEASURES.find((one) => one.id === id)!

describe('a measure', () => {
  test.each([
    ['keyless-stock', 3, 'goal met'],
    ['keyless-stock', 1.8, 'floor met'],
    ['keyless-stock', 1.79, 'not met'],
    ['analytics-throughput', -3, 'goal met'],
    ['analytics-throughput', -8.1, 'not met'],
    ['one-connection', 0.12, 'goal met'],
    ['one-connection', 0.15, 'floor met'],
    ['one-connection', 0.21, 'not met'],
    ['pump-start', 99, 'reported'],
  ])('%s of %d is %s', (id, value, verdict) => expect(verdictOf(measure(id), value)).toBe(verdict))

  test('is not met when there is no figure', () => expect(verdictOf(measure('jwt'), NaN)).toBe('not met'))

  test('is written with its unit', () => {
    expect(format(measure('pump-rate'), 81_234.4)).toBe('81,234')
    expect(format(measure('keyless-nginx'), 0.4)).toBe('0.40×')
  })

  test('has an id of its own', () => expect(new Set(MEASURES.map(({ id }) => id)).size).toBe(MEASURES.length))
})
