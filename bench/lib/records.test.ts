import { encodeRecord } from '@tek/analytics-record'
import { describe, expect, test } from 'vitest'
import { missingRecords, sampleRecord } from './records.ts'

describe('the check for completeness', () => {
  test.each([
    [1000, 1000, null],
    [1000, 1064, null],
    [1000, 999, '1000 requests answered, but only 999 records in Redis'],
    [1000, 1065, '1000 requests answered, but 1065 records in Redis'],
  ])('for %i requests and %i records says %s', (answered, records, says) => {
    expect(missingRecords(answered, records, 64)).toBe(says)
  })
})

test('sample records differ and have the size of real ones', () => {
  const encoded = Array.from({ length: 1000 }, (_, i) => Buffer.from(encodeRecord(sampleRecord(i))))
  expect(new Set(encoded.map((record) => record.toString('latin1'))).size).toBe(1000)
  const size = encoded.reduce((sum, record) => sum + record.length, 0) / 1000
  expect(size).toBeGreaterThan(700)
  expect(size).toBeLessThan(900)
})
