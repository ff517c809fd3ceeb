import { describe, expect, test } from 'vitest'
import { expected, fromNode, fromText } from './formats.ts'
import { parseJson } from './json-document.ts'
import type { ConfigRow, ValueFormat } from './section.ts'

const row = (format: ValueFormat, rest: Partial<ConfigRow> = {}): ConfigRow => ({
  doc: '',
  format,
  default: format === 'json' || format === 'json-merged' ? {} : '',
  ...rest,
})

const bad = undefined

describe('text from the environment', () => {
  test.each<[ValueFormat, string, unknown]>([
    ['string', '', ''],
    ['string', ' a,b ', ' a,b '],
    ['go-bool', '1', true],
    ['go-bool', 't', true],
    ['go-bool', 'T', true],
    ['go-bool', 'true', true],
    ['go-bool', 'TRUE', true],
    ['go-bool', 'True', true],
    ['go-bool', '0', false],
    ['go-bool', 'f', false],
    ['go-bool', 'F', false],
    ['go-bool', 'false', false],
    ['go-bool', 'FALSE', false],
    ['go-bool', 'False', false],
    ['go-bool', '', bad],
    ['go-bool', 'yes', bad],
    ['go-bool', 'on', bad],
    ['go-bool', 'tRUE', bad],
    ['go-bool', ' true', bad],
    ['go-int', '8080', 8080],
    ['go-int', '-1', -1],
    ['go-int', '+7', 7],
    ['go-int', '0x1F90', 8080],
    ['go-int', '0b1', 1],
    ['go-int', '0o17', 15],
    ['go-int', '017', 15],
    ['go-int', '1_000', 1000],
    ['go-int', '0x_1F', 31],
    ['go-int', '0', 0],
    ['go-int', '', bad],
    ['go-int', ' 1', bad],
    ['go-int', '08', bad],
    ['go-int', '1__0', bad],
    ['go-int', '1_', bad],
    ['go-int', '12abc', bad],
    ['go-int', '1.0', bad],
    ['go-int', '1e3', bad],
    ['go-int', '9223372036854775808', bad],
    ['go-float', '2.5', 2.5],
    ['go-float', '.5', 0.5],
    ['go-float', '-1e3', -1000],
    ['go-float', '', bad],
    ['go-float', 'abc', bad],
    ['go-float', 'NaN', bad],
    ['go-duration', '10s', 10_000],
    ['go-duration', '1m30s', 90_000],
    ['go-duration', '1.5h', 5_400_000],
    ['go-duration', '250us', 0.25],
    ['go-duration', '-2ms', -2],
    ['go-duration', '0', 0],
    ['go-duration', '10', bad],
    ['go-duration', '', bad],
    ['go-duration', '10 s', bad],
    ['string-list', 'a,b', ['a', 'b']],
    ['string-list', 'a, b', ['a', ' b']],
    ['string-list', 'a,,', ['a', '', '']],
    ['string-list', '', []],
    ['string-list', '  ', []],
    ['int-list', '1,0x10', [1, 16]],
    ['int-list', '1,x', bad],
    ['string-map', 'a:1,b:2', { a: '1', b: '2' }],
    ['string-map', 'redis.example.com:6379', { 'redis.example.com': '6379' }],
    ['string-map', '', {}],
    ['string-map', 'a', bad],
    ['string-map', 'up:http://orders', bad],
    ['json', '{"a":{"b":[1]}}', { a: { b: [1] } }],
    ['json', '[1]', bad],
    ['json', '{} x', bad],
    ['json', '', bad],
    [
      'certificate-list',
      '[{"domain_name":"a","cert_file":"c","KEY_FILE":"k","x":1}]',
      [{ domain_name: 'a', cert_file: 'c', key_file: 'k' }],
    ],
    ['certificate-list', '[{"domain_name":1}]', bad],
    ['certificate-list', '{}', bad],
    ['message-map', '{"auth.key_not_found":{"message":"no"}}', { 'auth.key_not_found': { message: 'no', code: 0 } }],
    [['', '1.2'], '1.2', '1.2'],
    [['', '1.2'], '1.4', bad],
  ])('%s %j', (format, text, value) => {
    expect(fromText(row(format), text)).toEqual(value)
  })
})

describe('JSON from the file', () => {
  test.each<[ValueFormat, string, unknown]>([
    ['string', '"a"', 'a'],
    ['string', '1', bad],
    ['go-bool', 'true', true],
    ['go-bool', '"true"', bad],
    ['go-bool', '1', bad],
    ['go-int', '8080', 8080],
    ['go-int', '8080.0', bad],
    ['go-int', '8e3', bad],
    ['go-int', '"8080"', bad],
    ['go-int', '9223372036854775808', bad],
    ['go-float', '2.5', 2.5],
    ['go-float', '1e400', bad],
    ['go-float', '"2"', bad],
    ['go-duration', '10000000000', 10_000],
    ['go-duration', '"10s"', bad],
    ['string-list', '["a",null]', ['a', '']],
    ['string-list', '["a",1]', bad],
    ['string-list', '"a,b"', bad],
    ['string-map', '{"a":"1","b":null}', { a: '1', b: '' }],
    ['string-map', '{"a":1}', bad],
    ['string-map', '[]', bad],
    ['json', '{"a":null}', { a: null }],
    ['json', '"text"', bad],
    ['message-map', '{"a":{"message":"m","code":401}}', { a: { message: 'm', code: 401 } }],
    ['message-map', '{"a":{"code":"401"}}', bad],
  ])('%s %s', (format, json, value) => {
    expect(fromNode(row(format), parseJson(json))).toEqual(value)
  })
})

test('an integer outside its range is refused, and the message names the range', () => {
  const version = row('go-int', { range: [0, 65_535] })
  expect(fromText(version, '65535')).toBe(65_535)
  expect(fromText(version, '65536')).toBeUndefined()
  expect(fromNode(version, parseJson('-1'))).toBeUndefined()
  expect(expected(version, 'json')).toBe('an integer from 0 to 65535')
})
