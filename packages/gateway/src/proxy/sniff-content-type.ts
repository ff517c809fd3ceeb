/**
 * The media type Go gives an answer that names none, from its first bytes (WHATWG MIME Sniffing, section 7, in the
 * subset and order of Go's `DetectContentType`).
 */
export function sniffContentType(body: Buffer): string {
  const data = body.subarray(0, 512)
  let start = 0
  while (start < data.length && isBlank(data[start] as number)) start++
  const text = data.toString('latin1', start, start + 16).toUpperCase()
  for (const tag of HTML_TAGS) {
    if (text.startsWith(tag) && isTagEnd(data[start + tag.length])) return 'text/html; charset=utf-8'
  }
  if (text.startsWith('<?XML')) return 'text/xml; charset=utf-8'
  for (const [type, signature] of SIGNATURES) {
    if (matches(data, signature)) return type
  }
  return isBinary(data, start) ? 'application/octet-stream' : 'text/plain; charset=utf-8'
}

const HTML_TAGS = [
  '<!DOCTYPE HTML',
  '<HTML',
  '<HEAD',
  '<SCRIPT',
  '<IFRAME',
  '<H1',
  '<DIV',
  '<FONT',
  '<TABLE',
  '<A',
  '<STYLE',
  '<TITLE',
  '<B',
  '<BODY',
  '<BR',
  '<P',
  '<!--',
]

/** Hexadecimal bytes, `..` for any byte. */
const SIGNATURES: readonly (readonly [string, string])[] = [
  ['application/pdf', '255044462d'],
  ['application/postscript', '252150532d41646f62652d'],
  ['text/plain; charset=utf-16be', 'feff....'],
  ['text/plain; charset=utf-16le', 'fffe....'],
  ['text/plain; charset=utf-8', 'efbbbf..'],
  ['image/x-icon', '00000100'],
  ['image/x-icon', '00000200'],
  ['image/bmp', '424d'],
  ['image/gif', '474946383761'],
  ['image/gif', '474946383961'],
  ['image/webp', '52494646........574542505650'],
  ['image/png', '89504e470d0a1a0a'],
  ['image/jpeg', 'ffd8ff'],
  ['audio/basic', '2e736e64'],
  ['audio/aiff', '464f524d........41494646'],
  ['audio/mpeg', '494433'],
  ['application/ogg', '4f67675300'],
  ['audio/midi', '4d54686400000006'],
  ['video/avi', '52494646........41564920'],
  ['audio/wave', '52494646........57415645'],
  ['video/webm', '1a45dfa3'],
  ['font/ttf', '00010000'],
  ['font/otf', '4f54544f'],
  ['font/collection', '74746366'],
  ['font/woff', '774f4646'],
  ['font/woff2', '774f4632'],
  ['application/x-gzip', '1f8b08'],
  ['application/zip', '504b0304'],
  ['application/x-rar-compressed', '526172211a0700'],
  ['application/x-rar-compressed', '526172211a070100'],
  ['application/wasm', '0061736d'],
]

function matches(data: Buffer, signature: string): boolean {
  if (data.length < signature.length / 2) return false
  for (let i = 0; i < signature.length; i += 2) {
    const expected = signature.slice(i, i + 2)
    if (expected !== '..' && data[i / 2] !== Number.parseInt(expected, 16)) return false
  }
  return true
}

const isBlank = (byte: number): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d
const isTagEnd = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x3e

function isBinary(data: Buffer, start: number): boolean {
  for (let i = start; i < data.length; i++) {
    const byte = data[i] as number
    if (byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f)) return true
  }
  return false
}
