import { describe, expect, it } from 'vitest'
import { bytes, change, compact, count, duration, percent } from './number.ts'

describe('numbers', () => {
  it.each([
    [0, '0'],
    [1234567, '1,234,567'],
  ])('counts %i as %s', (value, text) => {
    expect(count(value)).toBe(text)
  })

  it.each([
    [9999, '9,999'],
    [12_345, '12.3K'],
    [1_200_000, '1.2M'],
  ])('shortens %i to %s', (value, text) => {
    expect(compact(value)).toBe(text)
  })

  it.each([
    [0, '0 %'],
    [0.0004, '< 0.1 %'],
    [0.004, '0.4 %'],
    [0.123, '12 %'],
    [0.9994, '> 99.9 %'],
    [0.995, '99.5 %'],
    [1, '100 %'],
  ])('writes the share %d as %s', (value, text) => {
    expect(percent(value)).toBe(text)
  })

  it.each([
    [null, '–'],
    [0, '0 ms'],
    [0.4, '0.4 ms'],
    [12.4, '12 ms'],
    [999.6, '1.0 s'],
    [1300, '1.3 s'],
    [12_400, '12 s'],
    [125_000, '2 min 5 s'],
    [7_200_000, '2 h 0 min'],
    [864_000_000, '10 days'],
  ])('writes %s ms as %s', (value, text) => {
    expect(duration(value)).toBe(text)
  })

  it.each([
    [0, '0 B'],
    [512, '512 B'],
    [1234, '1.2 kB'],
    [56_000, '56 kB'],
    [1_200_000, '1.2 MB'],
  ])('writes %i bytes as %s', (value, text) => {
    expect(bytes(value)).toBe(text)
  })

  it.each([
    [110, 100, 'amount', { direction: 'up', text: '10 %' }],
    [95, 100, 'amount', { direction: 'down', text: '5.0 %' }],
    [5, 0, 'amount', null],
    [0, 0, 'amount', { direction: 'same', text: 'no change' }],
    [0.031, 0.01, 'share', { direction: 'up', text: '2.1 points' }],
    [null, 3, 'amount', null],
  ] as const)('compares %s with %s as %s', (now, before, kind, expected) => {
    expect(change(now, before, kind)).toEqual(expected)
  })
})
