import { isUtf8 } from 'node:buffer'

const QUANTUM = /^[A-Za-z0-9+/]{4}$/
const PADDED_QUANTUM = /^[A-Za-z0-9+/]{2}(?:[A-Za-z0-9+/]=|==)$/

/**
 * Decodes base64 to text the way Tyk's pump shows it: up to the first error, without complaint. Text cut by
 * `max_record_size` therefore keeps its decodable beginning.
 */
export function decodeBase64Text(text: string): string {
  if (text === '') return ''
  const compact = /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, '') : text
  return goUtf8(Buffer.from(compact.slice(0, decodableLength(compact)), 'base64'))
}

function decodableLength(text: string): number {
  const clean = /^[A-Za-z0-9+/]*/.exec(text)?.[0].length ?? 0
  const whole = clean - (clean % 4)
  const next = text.slice(whole, whole + 4)
  if (PADDED_QUANTUM.test(next) || QUANTUM.test(next)) return whole + 4
  return whole
}

/** Bytes that are no UTF-8 become one U+FFFD each, as in Go; a TextDecoder would merge the bytes of a cut sequence. */
function goUtf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  const parts: string[] = []
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at)
    parts.push(length === 0 ? '\uFFFD' : bytes.toString('utf8', at, at + length))
    at += length || 1
  }
  return parts.join('')
}

/** Bytes of the valid UTF-8 sequence that begins here, or 0. */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
  return length > 0 && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0
}
