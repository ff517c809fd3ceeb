// Hot path.

/** The text that a byte string (one UTF-16 unit per byte, as request data is held) encodes in UTF-8. */
export function fromByteString(bytes: string): string {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes.charCodeAt(i) > 0x7f) return Buffer.from(bytes, 'latin1').toString('utf8')
  }
  return bytes
}
