import { expect, it } from 'vitest'
import { anyCase } from './any-case.ts'

it.each([
  ['Ab1', '[aA][bB]1'],
  ['ünÏ', '[üÜ][nN][ïÏ]'],
  // No other form, or one of two letters.
  ['中ß', '中ß'],
  ['/a.*"', '\\/[aA]\\.\\*\\"'],
  // Two units of UTF-16 each.
  ['😀𐐨', '\\😀𐐨'],
])('%j is %j', (text, pattern) => {
  expect(anyCase(text)).toBe(pattern)
})
