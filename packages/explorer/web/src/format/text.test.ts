import { describe, expect, it } from 'vitest'
import { cutMiddle, legible, legibleLines, prettyJson, splitMessage } from './text.ts'

describe('long texts', () => {
  it('are cut in the middle', () => {
    expect(cutMiddle('/short', 20)).toBe('/short')
    expect(cutMiddle('/orders/12345/items/99', 11)).toBe('/order…s/99')
  })

  it('never keep half of a character', () => {
    for (let length = 3; length < 12; length++)
      expect(cutMiddle('😀😀😀😀😀😀😀', length)).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/)
  })
})

describe('values that would look like others', () => {
  it.each([
    ['/pay/\u202Efdp.exe', '/pay/[U+202E]fdp.exe'],
    ['\u2067a\u2069', '[U+2067]a[U+2069]'],
    ['ad\u0000min\u001B[31m\u007F', 'ad[U+0000]min[U+001B][31m[U+007F]'],
    ['a\r\nb\tc\u0085\u2028', 'a[U+000D][U+000A]b[U+0009]c[U+0085][U+2028]'],
    ['admin\u200B\u200D', 'admin[U+200B][U+200D]'],
    ['half \uD83D', 'half [U+D83D]'],
    ['\u{E0041}', '[U+E0041]'],
  ])('show what %j has', (value, shown) => {
    expect(legible(value)).toBe(shown)
  })

  it.each(['/grüße/日本語', 'می\u200cخواهم', '👩\u200D💻', 'שלום'])('leave %j as it is', (value) => {
    expect(legible(value)).toBe(value)
  })

  it('keep the lines of a text', () => {
    expect(legibleLines('a\r\n\tb\rc\n\u202Ed')).toBe('a\n\tb[U+000D]c\n[U+202E]d')
  })
})

describe('raw messages', () => {
  it.each(['\r\n', '\n'])('end their head at an empty line, with %j', (line) => {
    expect(splitMessage(`GET / HTTP/1.1${line}A: b${line}${line}body${line}${line}more`)).toEqual({
      head: 'GET / HTTP/1.1\nA: b',
      body: `body${line}${line}more`,
    })
  })

  it('may have no body', () => {
    expect(splitMessage('GET / HTTP/1.1')).toEqual({ head: 'GET / HTTP/1.1', body: '' })
  })
})

describe('JSON', () => {
  it('is indented, its numbers and strings untouched', () => {
    const text = '{"a":[1,2.50,12345678901234567890],"b":{},"c":[ ],"d":"{,:[\\"","e":{"f":null}}'
    const pretty = prettyJson(text) ?? ''
    expect(pretty).toContain('2.50')
    expect(pretty).toContain('12345678901234567890')
    expect(pretty).toContain('"b": {}')
    expect(pretty).toContain('"c": []')
    expect(JSON.parse(pretty)).toEqual(JSON.parse(text))
    expect(pretty).toBe(
      JSON.stringify(JSON.parse(text), null, 2)
        .replace('2.5', '2.50')
        .replace('12345678901234567000', '12345678901234567890'),
    )
  })

  it.each(['', 'hello', '{"a":', '"text"', '12'])('is not what %j is', (text) => {
    expect(prettyJson(text)).toBeNull()
  })
})
