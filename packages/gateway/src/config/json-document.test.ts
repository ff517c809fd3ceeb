import { describe, expect, test } from 'vitest'
import { parseFirstJson, parseJson, plainValue } from './json-document.ts'

test.each([
  '{}',
  '[]',
  '{"a":[1,-2.5e3,true,false,null,"x"],"b":{"c":"\\u00e9\\n\\"\\\\"}}',
  ' [ { } , [ ] ] ',
  '"é😀"',
  '-0',
])('reads %s as JSON.parse does', (text) => {
  expect(plainValue(parseJson(text))).toEqual(JSON.parse(text))
})

test('keeps every member of an object, repeated names included', () => {
  expect(parseJson('{"a":1,"a":2}')).toEqual({
    kind: 'object',
    members: [
      ['a', { kind: 'number', text: '1' }],
      ['a', { kind: 'number', text: '2' }],
    ],
  })
  expect(plainValue(parseJson('{"a":1,"a":2}'))).toEqual({ a: 2 })
})

test('replaces half a surrogate pair by U+FFFD', () => {
  expect(plainValue(parseJson('"\\ud800"'))).toBe('\ufffd')
})

test('ignores what follows the first value when asked to', () => {
  expect(plainValue(parseFirstJson('{"a":1} // done'))).toEqual({ a: 1 })
  expect(() => parseJson('{"a":1} // done')).toThrow('expected the end at line 1, column 9')
})

test('keeps a member called __proto__ as a member', () => {
  expect(Object.keys(plainValue(parseJson('{"__proto__":1}')) as object)).toEqual(['__proto__'])
})

describe('says where the text stops being JSON, and nothing of the text', () => {
  test.each([
    ['', 'expected a value at line 1, column 1, but the text ends'],
    ['{"secret": hunter2}', 'expected a value at line 1, column 12'],
    ['{"a": 1,}', 'expected a string in double quotes at line 1, column 9'],
    ['{\n  "a": 1\n  "b": 2\n}', 'expected "," or "}" at line 3, column 3'],
    ['{"a" 1}', 'expected ":" at line 1, column 6'],
    ['[1, 2', 'expected "," or "]" at line 1, column 6, but the text ends'],
    ['// comment\n{}', 'expected a value at line 1, column 1'],
    ["{'a': 1}", 'expected a string in double quotes at line 1, column 2'],
    ['"a\nb"', 'expected a string in double quotes at line 1, column 1'],
    ['[01]', 'expected "," or "]" at line 1, column 3'],
    ['['.repeat(20_000), 'too many levels at line 1, column 1002'],
  ])('%.30j', (text, message) => {
    expect(() => parseJson(text)).toThrow(message)
  })
})
