const ASCII = /^[\u0000-\u007f]*$/

/** UTF-8 bytes of a text as a byte string: one UTF-16 unit per byte, as paths and header values are held. */
export function toByteString(text: string): string {
  // Most text is ASCII, and then it is its own byte string.
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** The text of a byte string; bytes that are no UTF-8 become U+FFFD. */
export function fromByteString(bytes: string): string {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
}
