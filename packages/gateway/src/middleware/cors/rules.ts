// Hot path.
import { toByteString } from '../../byte-string.ts'
import type { ApiDefinition } from '../../api-definition/schema.ts'

/** The lists of an API's `CORS`, compiled. */
export interface CorsRules {
  /** Every origin is welcome, and is not named. */
  readonly anyOrigin: boolean
  allowsOrigin(origin: string): boolean
  allowsMethod(method: string): boolean
  /** @param list - `Access-Control-Request-Headers`. */
  allowsHeaders(list: string): boolean
  /** What an allowed preflight is told besides origin, method and headers. */
  readonly preflightHeaders: readonly string[]
}

const DEFAULT_METHODS = ['GET', 'POST', 'HEAD']
const DEFAULT_HEADERS = ['accept', 'content-type', 'x-requested-with']

export function compileCorsRules(cors: ApiDefinition['CORS']): CorsRules {
  const origins = cors.allowed_origins.map((origin) => toByteString(origin.toLowerCase()))
  const anyOrigin = origins.length === 0 || origins.includes('*')
  const matchers = origins.map(compileOrigin)
  const methods = new Set([...(cors.allowed_methods.length === 0 ? DEFAULT_METHODS : cors.allowed_methods), 'OPTIONS'])
  const headers = new Set(
    (cors.allowed_headers.length === 0 ? DEFAULT_HEADERS : cors.allowed_headers).map((name) => name.toLowerCase()),
  )
  const anyHeader = headers.has('*')
  return {
    anyOrigin,
    allowsOrigin(origin) {
      if (anyOrigin) return true
      const folded = origin.toLowerCase()
      return matchers.some((matches) => matches(folded))
    },
    allowsMethod: (method) => methods.has(method),
    allowsHeaders: (list) => anyHeader || list === '' || areAllowed(list, headers),
    preflightHeaders: preflightHeaders(cors),
  }
}

/** One `*` in an origin stands for any text, at least as long as nothing. */
function compileOrigin(origin: string): (candidate: string) => boolean {
  const star = origin.indexOf('*')
  if (star === -1) return (candidate) => candidate === origin
  const prefix = origin.slice(0, star)
  const suffix = origin.slice(star + 1)
  return (candidate) =>
    candidate.length >= prefix.length + suffix.length && candidate.startsWith(prefix) && candidate.endsWith(suffix)
}

/**
 * Browsers send the names in lower case, sorted and each once, at most one blank beside a comma; anything else is not
 * theirs and is refused.
 */
function areAllowed(list: string, allowed: ReadonlySet<string>): boolean {
  let previous = ''
  for (const item of list.split(',')) {
    const name = withoutBlanks(item)
    if (name <= previous || !allowed.has(name)) return false
    previous = name
  }
  return true
}

function withoutBlanks(item: string): string {
  const start = isBlank(item.charCodeAt(0)) ? 1 : 0
  const end = item.length > start && isBlank(item.charCodeAt(item.length - 1)) ? item.length - 1 : item.length
  return item.slice(start, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

function preflightHeaders(cors: ApiDefinition['CORS']): string[] {
  const headers: string[] = []
  if (cors.allow_credentials) headers.push('Access-Control-Allow-Credentials', 'true')
  if (cors.max_age !== 0) headers.push('Access-Control-Max-Age', String(Math.max(0, cors.max_age)))
  return headers
}
