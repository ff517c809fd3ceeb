import { RE2JS } from 're2js'
import { BoundedMap } from './bounded-map.ts'

/** How paths in keys and policies are matched, from `http_server_options`. */
export interface PathMatching {
  /** `enable_path_prefix_matching` */
  readonly prefix: boolean
  /** `enable_path_suffix_matching` */
  readonly suffix: boolean
}

const MAX_PATTERNS = 4096
const compiled = new BoundedMap<string, RE2JS | null>(MAX_PATTERNS)

/**
 * The pattern of an endpoint path: `{name}` stands for one segment, `/*` for anything, the rest is a regular expression
 * in Go's syntax, matched in linear time. Null when it does not compile.
 */
export function compilePathPattern(path: string, matching: PathMatching): RE2JS | null {
  const regex = pathRegex(path, matching)
  let pattern = compiled.get(regex)
  if (pattern === undefined) {
    pattern = compile(regex)
    compiled.set(regex, pattern)
  }
  return pattern
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

function compile(regex: string): RE2JS | null {
  try {
    return RE2JS.compile(regex)
  } catch {
    return null
  }
}

/** Searches a pattern anywhere in a path. */
export const matchesPath = (pattern: RE2JS, path: string): boolean => pattern.matcher(path).find()
