/** Stands for paths that are too long for a keyword of Elasticsearch; a path begins with a slash. */
export const LONG_PATH = '(too long for the index)'

/**
 * A path with what names one thing replaced, so that the errors of `/orders/1` and `/orders/2` are one group. Both stores
 * fold paths with this function.
 */
export function pathPattern(path: string): string {
  const parts = path.split('/')
  // A path of thousands of parts is an attack or an accident; its beginning groups it well enough.
  const shown = parts.length > MAX_PARTS ? [...parts.slice(0, MAX_PARTS), '…'] : parts
  return shown.map((part) => (isId(part) ? '{id}' : shorten(part))).join('/')
}

const MAX_PARTS = 20
const MAX_PART_LENGTH = 80

const NUMBER = /^\d+$/
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i
/** Hashes and ids of databases; with a digit, so that no word of the letters a to f is one. */
const HEX = /^(?=.*\d)[0-9a-f]{12,}$/i
/** ULIDs, base64url tokens and the like: long, with digits, small and capital letters or capitals alone. */
const TOKEN = /^(?=.*\d.*\d)(?=.*[A-Z])[A-Za-z0-9_-]{20,}$/

function isId(part: string): boolean {
  return NUMBER.test(part) || UUID.test(part) || HEX.test(part) || (part.length <= 512 && TOKEN.test(part))
}

function shorten(part: string): string {
  return part.length > MAX_PART_LENGTH ? `${part.slice(0, MAX_PART_LENGTH)}…` : part
}
