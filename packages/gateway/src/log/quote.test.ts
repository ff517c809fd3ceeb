import { expect, test } from 'vitest'
import { quoteIfNeeded } from './quote.ts'

test.each([
  ['', ''],
  ['AZaz09-._/@^+', 'AZaz09-._/@^+'],
  ['a b', '"a b"'],
  ['a=b', '"a=b"'],
  ['http://x', '"http://x"'],
  ['****6789', '"****6789"'],
  ['(open interface)', '"(open interface)"'],
  ['say "hi"\\', String.raw`"say \"hi\"\\"`],
  ['\x07\b\f\n\r\t\v', String.raw`"\a\b\f\n\r\t\v"`],
  ['\x00\x1b\x7f', String.raw`"\x00\x1b\x7f"`],
  ['é😀', '"é😀"'],
  ['\u0085\u00a0\u200b\ufeff', String.raw`"\u0085\u00a0\u200b\ufeff"`],
  ['\u{e0001}', String.raw`"\U000e0001"`],
  ['\ud800', '"\ufffd"'],
])('%j', (text, quoted) => {
  expect(quoteIfNeeded(text)).toBe(quoted)
})
