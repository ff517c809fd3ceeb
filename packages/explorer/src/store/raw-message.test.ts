import { describe, expect, it } from 'vitest'
import { rawMessage, rawText } from './raw-message.ts'

const REQUEST = 'GET /get?a=ü HTTP/1.1\r\nHost: example.org\r\n\r\n'
const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')

describe('a raw message', () => {
  it.each([null, undefined, '', 7])('is none when %s is stored', (stored) => {
    expect(rawMessage(stored)).toBeNull()
  })

  it.each([
    ['in base64', base64(REQUEST)],
    ['decoded', REQUEST],
  ])('is shown as text when it is stored %s', (_, stored) => {
    const sizeBytes = Buffer.byteLength(REQUEST)
    expect(rawMessage(stored)).toEqual({ sizeBytes, truncated: false, text: REQUEST, base64: null })
    expect(rawText(stored)).toBe(REQUEST)
  })

  it('is shown in base64 when it is no UTF-8', () => {
    const bytes = Uint8Array.of(0x48, 0x54, 0xff, 0xfe)
    expect(rawMessage(base64(bytes))).toEqual({ sizeBytes: 4, truncated: false, text: null, base64: base64(bytes) })
  })

  it('is cut after a mebibyte, not through a character', () => {
    const text = `a${'ü'.repeat(1024 * 1024)}`
    const message = rawMessage(base64(text))
    expect(message?.truncated).toBe(true)
    expect(message?.sizeBytes).toBe(2 * 1024 * 1024 + 1)
    expect(message?.text?.endsWith('ü')).toBe(true)
    expect(message?.text).not.toContain('\uFFFD')
  })
})
