import { describe, expect, it } from 'vitest'
import type { ValueFormat } from './section.ts'
import { parseJson, parseText } from './value-formats.ts'

const REFUSED = Symbol('refused')
const text = (format: ValueFormat, value: string): unknown => {
  const parsed = parseText(format, value)
  return parsed.ok ? parsed.value : REFUSED
}
const json = (format: ValueFormat, value: unknown): unknown => {
  const parsed = parseJson(format, value)
  return parsed.ok ? parsed.value : REFUSED
}

describe('values from the environment', () => {
  it.each<[ValueFormat, string, unknown]>([
    ['string', '', ''],
    ['string', ' a,b ', ' a,b '],
    ['go-bool', '1', true],
    ['go-bool', 't', true],
    ['go-bool', 'True', true],
    ['go-bool', 'F', false],
    ['go-bool', 'FALSE', false],
    ['go-bool', 'tRUE', REFUSED],
    ['go-bool', 'yes', REFUSED],
    ['go-bool', '', REFUSED],
    ['go-int', '10', 10],
    ['go-int', '-3', -3],
    ['go-int', '0x1F', 31],
    ['go-int', '1_000', 1000],
    ['go-int', '010', 8],
    ['go-int', '0o17', 15],
    ['go-int', '0b101', 5],
    ['go-int', '0', 0],
    ['go-int', '09', REFUSED],
    ['go-int', '12abc', REFUSED],
    ['go-int', '1.5', REFUSED],
    ['go-int', '', REFUSED],
    ['go-int', '9007199254740993', REFUSED],
    ['go-float', '1.5', 1.5],
    ['go-float', '-2e3', -2000],
    ['go-float', 'abc', REFUSED],
    ['go-duration', '1h2m3.5s', 3_723_500],
    ['go-duration', '300ms', 300],
    ['go-duration', '0', 0],
    ['go-duration', '5', REFUSED],
    ['string-list', 'a, b,', ['a', ' b', '']],
    ['string-list', ' ', []],
    ['int-list', '404,0x1F4', [404, 500]],
    ['int-list', '', []],
    ['int-list', '404,x', REFUSED],
    ['string-map', 'a:1,b:2', { a: '1', b: '2' }],
    ['string-map', 'a:1:2', REFUSED],
    ['host-map', 'h1:1,h2,h3:3:9', { h1: '1', h3: '3' }],
    ['json', '{"a":1}', { a: 1 }],
    ['json', '{', REFUSED],
    [['1.2', '1.3'], '1.3', '1.3'],
    [['Strong', 'weak'], 'STRONG', 'Strong'],
    [['1.2', '1.3'], '2', REFUSED],
  ])('%s %j is %j', (format, value, expected) => {
    expect(text(format, value)).toEqual(expected)
  })
})

describe('values from the file', () => {
  it.each<[ValueFormat, unknown, unknown]>([
    ['string', 'a', 'a'],
    ['string', 1, REFUSED],
    ['go-bool', true, true],
    ['go-bool', 'true', REFUSED],
    ['go-int', 5, 5],
    ['go-int', 5.7, REFUSED],
    ['go-int', '5', REFUSED],
    ['go-duration', '10s', 10_000],
    ['string-list', ['a'], ['a']],
    ['string-list', 'a', REFUSED],
    ['string-list', [1], REFUSED],
    ['int-list', [200], [200]],
    ['int-list', ['200'], REFUSED],
    ['string-map', { a: 'b' }, { a: 'b' }],
    ['string-map', { a: 1 }, REFUSED],
  ])('%s %j is %j', (format, value, expected) => {
    expect(json(format, value)).toEqual(expected)
  })
})
