// Hot path.
import { RE2JS } from 're2js'
import { fromByteString, toByteString } from '../../byte-string.ts'

/** Null for what is no regular expression. */
export function compilePattern(text: string): RE2JS | null {
  try {
    return RE2JS.compile(text)
  } catch {
    return null
  }
}

/** Groups of the first match, the whole match first; null when there is none. Text in and out as byte strings. */
export function groupsOf(pattern: RE2JS, text: string): string[] | null {
  return allGroupsOf(pattern, text, 1)[0] ?? null
}

/** Groups of up to `max` matches. A group that took no part is empty. */
export function allGroupsOf(pattern: RE2JS, text: string, max: number): string[][] {
  const matcher = pattern.matcher(fromByteString(text))
  const found: string[][] = []
  while (found.length < max && matcher.find()) {
    const groups: string[] = []
    for (let i = 0; i <= matcher.groupCount(); i++) groups.push(toByteString(matcher.group(i) ?? ''))
    found.push(groups)
  }
  return found
}
