// Hot path.
import { RE2JS } from 're2js'
import { fromByteString, toByteString } from '../byte-string.ts'
import { BoundedMap } from '../auth/bounded-map.ts'
import { matchesSegments, segmentPatternOf } from './segments.ts'

/** How endpoint paths are matched, from `http_server_options`. */
export interface PathMatching {
  /** `enable_path_prefix_matching` */
  readonly prefix: boolean
  /** `enable_path_suffix_matching` */
  readonly suffix: boolean
}

/** Searches a pattern in a decoded path, which is a byte string. */
export type PathTest = (path: string) => boolean

const MAX_PATTERNS = 4096
const compiled = new BoundedMap<string, PathTest | null>(MAX_PATTERNS)

/**
 * The pattern of an endpoint path: `{name}` stands for one segment, `/*` for anything, the rest is a regular expression
 * in Go's syntax, matched in linear time. Null when it does not compile.
 */
export function compilePathPattern(path: string, matching: PathMatching, ignoreCase = false): PathTest | null {
  const regex = (ignoreCase ? '(?i)' : '') + pathRegex(path, matching)
  let test = compiled.get(regex)
  if (test === undefined) {
    test = ignoreCase ? compileIgnoringCase(regex.slice('(?i)'.length)) : compile(regex)
    compiled.set(regex, test)
  }
  return test
}

function pathRegex(path: string, matching: PathMatching): string {
  let regex = path
  if (count(regex, '{') > 0 && count(regex, '{') === count(regex, '}')) {
    regex = regex.replace(/\{[^{}]*\}/g, '([^/]+)')
  }
  regex = regex.replaceAll('/*/', '/[^/]+/').replaceAll('/*', '/.*')
  if (matching.prefix && regex.startsWith('/')) regex = `^${regex}`
  if (matching.suffix && !regex.endsWith('$')) regex += '$'
  return regex
}

const count = (text: string, part: string): number => text.split(part).length - 1

function compile(regex: string): PathTest | null {
  const segments = segmentPatternOf(toByteString(regex))
  return segments === null ? compileRegex(regex) : (path) => matchesSegments(segments, path)
}

/** Letters outside ASCII fold in ways of their own: such paths go to the regular expression. */
function compileIgnoringCase(regex: string): PathTest | null {
  const exact = compileRegex(`(?i)${regex}`)
  const segments = isAscii(regex) ? segmentPatternOf(regex.toLowerCase()) : null
  if (segments === null || exact === null) return exact
  return (path) => (isAscii(path) ? matchesSegments(segments, path.toLowerCase()) : exact(path))
}

function compileRegex(regex: string): PathTest | null {
  try {
    const pattern = RE2JS.compile(regex)
    return (path) => pattern.test(fromByteString(path))
  } catch {
    return null
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}
