import type { Tolerance } from './strict-parser.ts'

/**
 * What a server may let a client get away with, because nobody could read it otherwise: empty lines before a request, more
 * blanks than one, letter case, leading zeros, chunk extensions, the absolute form, HTTP/1.0 without a Host.
 */
export const AS_A_SERVER: Tolerance = {
  before: (bytes, at) => {
    let end = at
    while (bytes[end] === '\r' || bytes[end] === '\n') end++
    return end - at
  },
  head(line, lines) {
    const headers = lines.map(plainHeader)
    const isOld = line.endsWith(' HTTP/1.0')
    // A coding in HTTP/1.0 is not framing, but not nothing either.
    if (isOld && headers.some((each) => /^transfer-encoding:/i.test(each))) headers.push('')
    if (isOld && !headers.some((each) => /^host:/i.test(each))) headers.push('Host: ')
    const first = line
      .replace(/^([A-Z-]+) +/, '$1 ')
      .replace(/ +HTTP\/1\.[01]$/, ' HTTP/1.1')
      .replace(
        /^([A-Z-]+) https?:\/\/[^/? ]+([^ ]*) /i,
        (_, method: string, rest: string) => `${method} ${rest.startsWith('/') ? rest : `/${rest}`} `,
      )
    return { first, headers }
  },
  chunkSize: (line) => line.replace(/;.*$/, '').replace(/^0+(?=[\da-fA-F])/, ''),
}

const plainHeader = (line: string): string => {
  const plain = line.replace(/^([^:]*):[ \t]*/, '$1: ').replace(/(: ?.*?)[ \t]+$/, '$1')
  if (/^[^:]+:$/.test(plain)) return `${plain} `
  if (/^transfer-encoding:/i.test(plain)) return plain.toLowerCase()
  return plain.replace(/^(content-length: )0+(?=\d)/i, '$1')
}
