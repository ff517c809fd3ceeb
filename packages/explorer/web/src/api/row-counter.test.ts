import { describe, expect, it } from 'vitest'
import { createRowCounter } from './row-counter.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('progress of an export', () => {
  it('counts the rows of CSV without its head', () => {
    const counter = createRowCounter('csv')
    expect(counter.add(bytes('a,b\r\n'))).toBe(0)
    expect(counter.add(bytes('1,2\r\n3,'))).toBe(1)
    expect(counter.add(bytes('4\r\n'))).toBe(2)
  })

  it('does not count a line feed within quotes, wherever the bytes are cut', () => {
    const text = 'a,b\r\n"x\ny ""z"" \n",2\r\n3,4\r\n'
    for (let cut = 0; cut <= text.length; cut++) {
      const counter = createRowCounter('csv')
      counter.add(bytes(text.slice(0, cut)))
      expect(counter.add(bytes(text.slice(cut)))).toBe(2)
    }
  })

  it('counts the lines of NDJSON', () => {
    expect(createRowCounter('ndjson').add(bytes('{"a":"b"}\n{"a":"\\""}\n'))).toBe(2)
  })
})
