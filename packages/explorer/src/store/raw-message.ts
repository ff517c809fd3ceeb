import type { RawMessage } from '../api/schema.ts'

/** What a page can show of one message; the whole is in an export. */
const MOST_BYTES = 1024 * 1024

/** How a request or an answer begins: it was decoded before it was stored (`decode_base64`). */
const PLAIN = /^(?:[A-Z]{1,20} \S+ HTTP\/\d|HTTP\/\d)/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * The stored form of a raw message, in base64 or plain, as the page shows it.
 *
 * @returns null where there is none.
 */
export function rawMessage(stored: unknown): RawMessage | null {
  if (typeof stored !== 'string' || stored === '') return null
  const bytes = bytesOf(stored)
  const shown = bytes.subarray(0, MOST_BYTES)
  const truncated = shown.length < bytes.length
  const text = utf8Of(truncated ? withoutCutCharacter(shown) : shown)
  return {
    sizeBytes: bytes.length,
    truncated,
    text,
    base64: text === null ? shown.toString('base64') : null,
  }
}

/** The whole as text; bytes that are no UTF-8 are shown as U+FFFD. */
export function rawText(stored: string): string {
  return bytesOf(stored).toString('utf8')
}

function bytesOf(stored: string): Buffer {
  const isPlain = PLAIN.test(stored) || stored.length % 4 !== 0 || !BASE64.test(stored)
  return Buffer.from(stored, isPlain ? 'utf8' : 'base64')
}

function utf8Of(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** A character of several bytes that the cut went through would make the whole no UTF-8. */
function withoutCutCharacter(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && bytes.length - end < 4 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1
  return end > 0 && (bytes[end - 1] ?? 0) >= 0xc0 ? bytes.subarray(0, end - 1) : bytes
}
