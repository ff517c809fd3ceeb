const REPLACEMENT = '\ufffd'

/**
 * Text of UTF-8 bytes. Each byte that belongs to no valid sequence becomes one U+FFFD, as Go's JSON encoder prints it;
 * the decoders built into Node.js would make one of a whole cut sequence.
 */
export function decodeUtf8(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end)
  // A replacement character means invalid bytes, or that the text itself holds one.
  return text.includes(REPLACEMENT) ? decodeByteWise(bytes, start, end) : text
}

function decodeByteWise(bytes: Buffer, start: number, end: number): string {
  let text = ''
  let valid = start
  let at = start
  while (at < end) {
    const width = sequenceWidth(bytes, at, end)
    if (width > 0) {
      at += width
      continue
    }
    text += bytes.toString('utf8', valid, at) + REPLACEMENT
    valid = ++at
  }
  return text + bytes.toString('utf8', valid, end)
}

/** Bytes of the valid sequence that begins here (RFC 3629, table 3-7 of Unicode); 0 when none does. */
function sequenceWidth(bytes: Buffer, at: number, end: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const width = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (at + width > end) return 0
  const second = bytes[at + 1]!
  // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let i = 2; i < width; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0
  return width
}
