import { describe, expect, it } from 'vitest'
import { cutMiddle, prettyJson, splitMessage } from './text.ts'

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
