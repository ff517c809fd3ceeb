/** Rules for rawRequest and rawResponse, which travel as base64 text. */

/** Cuts a text after a number of bytes; a base64 text has one byte per character. */
export function trimText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text
  const bytes = Buffer.from(text)
  return bytes.length <= maxBytes ? text : bytes.toString('utf8', 0, maxBytes)
}

/** Decodes base64 as Go does: anything that is not exactly padded, standard base64 stays as it was. */
export function decodeText(text: string): string {
  const plain = text.replace(/[\r\n]/g, '')
  if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(plain)) return text
  return Buffer.from(plain, 'base64').toString('utf8')
}
