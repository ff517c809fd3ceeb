import { describe, expect, test } from 'vitest'
import { format, MEASURES, verdictOf } from './measures.ts'
import { spreadOf } from './statistics.ts'

const measure = (id: string) => MEASURES.find((one) => one.id === id)!

describe('a measure', () => {
  test.each([
    ['keyless-stock', [3], 'goal met'],
    ['keyless-stock', [1.8], 'floor met'],
    ['keyless-stock', [1.79], 'not met'],
    ['keyless-stock', [1.7, 2, 4], 'in doubt'],
    ['keyless-stock', [1.5, 1.7, 1.9], 'in doubt'],
    ['keyless-stock', [1.8, 3, 4], 'floor met'],
    ['keyless-stock', [3, 3.1, 4], 'goal met'],
    ['analytics-throughput', [-3], 'goal met'],
    ['analytics-throughput', [-8.1], 'not met'],
    ['one-connection', [0.12], 'goal met'],
    ['one-connection', [0.15], 'floor met'],
    ['one-connection', [0.21], 'not met'],
    ['one-connection', [0.21, 0.1, 0.1], 'in doubt'],
    ['one-connection', [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3], 'goal met'],
    ['gateway-memory', [99], 'reported'],
  ])('%s of %j is %s', (id, values, verdict) => expect(verdictOf(measure(id), spreadOf(values))).toBe(verdict))

  test('is not met when there is no figure', () => expect(verdictOf(measure('jwt'), spreadOf([]))).toBe('not met'))

  test('is written with its unit', () => {
    expect(format(measure('pump-rate'), 81_234.4)).toBe('81,234')
    expect(format(measure('keyless-nginx'), 0.4)).toBe('0.40×')
  })

  test('has an id of its own', () => expect(new Set(MEASURES.map(({ id }) => id)).size).toBe(MEASURES.length))
})
