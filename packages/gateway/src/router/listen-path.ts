import { RE2JS } from 're2js'
import { fromByteString, toByteString } from '../byte-string.ts'

/**
 * A listen path compiled for prefix matching against decoded paths, which are byte strings.
 *
 * Plain text is compared as text; `{name}` stands for one segment, `{name:regex}` for the regex (RE2 syntax and linear
 * time). There is no `$`: a listen path is always a prefix.
 */
export interface ListenPath {
  /** A byte string, as paths are. */
  readonly text: string
  /** What every path begins with that can match. */
  readonly literal: string
  /** Length of the matching prefix, or -1. */
  match(path: string): number
}

/** A listen path that cannot become a route. */
export class ListenPathError extends Error {
  readonly code = 'GATEWAY_LISTEN_PATH'
}

/** @throws ListenPathError for unbalanced braces, a bad inner regex or a capturing group in it. */
export function compileListenPath(text: string): ListenPath {
  const bytes = toByteString(text)
  if (!text.includes('{')) {
    if (text.includes('}')) throw new ListenPathError(`unbalanced braces in "${text}"`)
    return { text: bytes, literal: bytes, match: (path) => (path.startsWith(bytes) ? bytes.length : -1) }
  }
  const pattern = compileTemplate(`^${templateToRegex(text, '[^/]+')}`, text)
  return {
    text: bytes,
    literal: bytes.slice(0, bytes.indexOf('{')),
    match: (path) => matchedBytes(pattern, path),
  }
}

/** The expression is about characters, the length that it matched about bytes. */
function matchedBytes(pattern: RE2JS, path: string): number {
  const decoded = fromByteString(path)
  // Bytes that are no text are looked at one by one: what stands for them in the text is longer.
  const text = decoded === path || Buffer.byteLength(decoded) === path.length ? decoded : path
  const matcher = pattern.matcher(text)
  if (!matcher.find()) return -1
  return text === path ? matcher.end() : Buffer.byteLength(text.slice(0, matcher.end()))
}

function compileTemplate(regex: string, text: string): RE2JS {
  try {
    const pattern = RE2JS.compile(regex)
    const expected = countTemplates(text)
    if (pattern.groupCount() !== expected) throw new Error('capturing groups are not allowed, use (?:…)')
    return pattern
  } catch (err) {
    throw new ListenPathError(`"${text}": ${(err as Error).message}`, { cause: err })
  }
}

const countTemplates = (text: string): number => splitTemplate(text).filter((part) => part.template).length

interface TemplatePart {
  readonly template: boolean
  readonly text: string
}

/** Splits `/a/{b:c{2}}/d` into literal and template parts; braces may nest inside a regex. */
function splitTemplate(text: string): TemplatePart[] {
  const parts: TemplatePart[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{' && depth++ === 0) {
      parts.push({ template: false, text: text.slice(from, i) })
      from = i + 1
    } else if (text[i] === '}' && --depth === 0) {
      parts.push({ template: true, text: text.slice(from, i) })
      from = i + 1
    }
    if (depth < 0) break
  }
  if (depth !== 0) throw new ListenPathError(`unbalanced braces in "${text}"`)
  parts.push({ template: false, text: text.slice(from) })
  return parts
}

/** Also used for domains, where a bare `{name}` stands for `[^.]+`. */
export function templateToRegex(text: string, anySegment: string): string {
  return splitTemplate(text)
    .map((part) => {
      if (!part.template) return RE2JS.quote(part.text)
      const colon = part.text.indexOf(':')
      const name = colon === -1 ? part.text : part.text.slice(0, colon)
      const regex = colon === -1 ? anySegment : part.text.slice(colon + 1)
      if (name === '' || regex === '') throw new ListenPathError(`missing name or pattern in "{${part.text}}"`)
      return `(${regex})`
    })
    .join('')
}

/**
 * Length in bytes that orders listen paths: the longest is tried first. Segments that are entirely a template count nothing,
 * their slashes do.
 */
export function effectiveLength(text: string): number {
  const bytes = toByteString(text)
  if (!bytes.includes('{')) return bytes.length
  const segments = bytes.split('/')
  return segments.reduce(
    (length, segment) => length + (segment.startsWith('{') && segment.endsWith('}') ? 0 : segment.length),
    segments.length - 1,
  )
}
