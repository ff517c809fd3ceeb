// Hot path.

/**
 * Percent encoding of paths as Go does it. All text here is byte strings: one UTF-16 unit per byte.
 */

const UNESCAPED = new Uint8Array(256)
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~$&+,/:;=@') {
  UNESCAPED[c.charCodeAt(0)] = 1
}
/** Characters that are legal in a path as they are, although Go's own escaping would encode them. */
const LEGAL = Uint8Array.from(UNESCAPED)
for (const c of "!'()*[]%") LEGAL[c.charCodeAt(0)] = 1

const HEX = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)

/** Encodes a decoded path. Returns the argument itself when nothing needs encoding. */
export function escapePath(path: string): string {
  let i = 0
  while (i < path.length && UNESCAPED[path.charCodeAt(i)] === 1) i++
  if (i === path.length) return path
  let escaped = path.slice(0, i)
  for (; i < path.length; i++) {
    const byte = path.charCodeAt(i)
    escaped += UNESCAPED[byte] === 1 ? path[i] : HEX[byte & 0xff]
  }
  return escaped
}

/** Decodes a path; null when a percent sign is not followed by two hexadecimal digits. */
export function unescapePath(path: string): string | null {
  let at = path.indexOf('%')
  if (at === -1) return path
  let decoded = ''
  let from = 0
  while (at !== -1) {
    const high = hexValue(path.charCodeAt(at + 1))
    const low = hexValue(path.charCodeAt(at + 2))
    if (high < 0 || low < 0) return null
    decoded += path.slice(from, at) + String.fromCharCode(high * 16 + low)
    from = at + 3
    at = path.indexOf('%', from)
  }
  return decoded + path.slice(from)
}

function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

/**
 * The encoded form to send for a path whose received form is kept (`raw`) beside its decoded form (`decoded`).
 *
 * `raw` is kept only when it is a valid encoding of `decoded` in legal characters; otherwise the path is encoded anew.
 */
export function encodedPath(raw: string, decoded: string, skipEscaping: boolean): string {
  const escaped = escapePath(decoded)
  if (raw === escaped) return escaped
  if (skipEscaping) return raw
  if (raw === decoded) return escaped
  return isLegal(raw) && unescapePath(raw) === decoded ? raw : escaped
}

function isLegal(raw: string): boolean {
  for (let i = 0; i < raw.length; i++) {
    if (LEGAL[raw.charCodeAt(i)] !== 1) return false
  }
  return true
}
