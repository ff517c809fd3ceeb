import { describe, expect, it } from 'vitest'
import { csvHead, csvLine, ndjsonLine } from './export-lines.ts'
import type { RequestRow } from './schema.ts'

const row = (fields: RequestRow['fields']): RequestRow => ({ id: 'x', fields })

describe('a line of CSV', () => {
  it.each<[string, RequestRow['fields'][string], string]>([
    ['a text', 'GET', 'GET'],
    ['a number', -1, '-1'],
    ['a boolean', true, 'true'],
    ['none', null, ''],
    ['a list', ['a', 'b'], '"a, b"'],
    ['an empty list', [], ''],
    ['a quote', 'say "hi"', '"say ""hi"""'],
    ['a comma', 'a,b', '"a,b"'],
    ['lines', 'a\nb\r\nc', '"a\nb\r\nc"'],
    ['blanks around', ' a ', '" a "'],
    ['a formula', '=HYPERLINK("http://evil")', '"\'=HYPERLINK(""http://evil"")"'],
    ['a plus', '+1', "'+1"],
    ['a minus', '-1+2', "'-1+2"],
    ['an at', '@SUM(A1)', "'@SUM(A1)"],
    ['a tab', '\t=1', "'\t=1"],
    ['a line end', '\r=1', '"\'\r=1"'],
    ['a formula in the width of ideographs', '＝1', "'＝1"],
    ['a formula in a list', ['=1', 'b'], '"\'=1, b"'],
  ])('writes %s', (_, value, cell) => {
    expect(csvLine(row({ a: value }), ['a'])).toBe(`${cell}\r\n`)
  })

  it('has the columns in their order, also those that a row lacks', () => {
    expect(csvHead(['b', 'a', 'c'])).toBe('b,a,c\r\n')
    expect(csvLine(row({ a: 1, b: 'x' }), ['b', 'a', 'c'])).toBe('x,1,\r\n')
  })
})

describe('a line of NDJSON', () => {
  it('keeps types and columns', () => {
    expect(ndjsonLine(row({ a: 1, b: ['x'], c: null, d: 'no' }), ['c', 'b', 'a'])).toBe('{"c":null,"b":["x"],"a":1}\n')
  })

  it('is one line whatever a text has in it', () => {
    expect(ndjsonLine(row({ a: 'x\n\u2028<script>' }), ['a']).split('\n')).toHaveLength(2)
  })
})
