/** UTF-8 bytes of a text as a byte string: one UTF-16 unit per byte, as paths and header values are held. */
export function toByteString(text: string): string {
  // Most text is ASCII, and then it is its own byte string.
  return /^[\u0000-\u007f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}
