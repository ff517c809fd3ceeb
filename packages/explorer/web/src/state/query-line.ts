/** The query line as text: terms that clicks add to it, and what the cursor is in the middle of. */
import { formatTerm, formatValue, UNSEEN, unquoted } from '../../../src/query/format.ts'

/** Characters of a value that the query line takes whole. A line has 2,000 at most, and an address not many more. */
const LONGEST_VALUE = 400

/**
 * The term for a value that was clicked. Of a very long one it has the beginning: a path of a megabyte is no address.
 */
export function clickedTerm(field: string, value: string | number): string {
  const text = String(value)
  if (text.length > LONGEST_VALUE) return `${field}:${unquoted(text.slice(0, LONGEST_VALUE))}*`
  return text === '' ? formatTerm(field, text) : `${field}:${lineValue(text)}`
}

/** What cannot be seen is no part of the line, which would then say something else than it means; a `?` stands for it. */
function lineValue(text: string): string {
  return text.search(UNSEEN) < 0 ? formatValue(text) : unquoted(text)
}

/** Narrows a query line by a term, or excludes the term. Says nothing twice; the opposite is taken out first. */
export function addTerm(line: string, term: string, how: 'only' | 'exclude'): string {
  const wanted = how === 'only' ? term : negated(term)
  const opposite = negated(wanted)
  const query = line.trim()
  if (query === '') return wanted
  const parts = splitAnd(query)
  if (parts === null) return `(${query}) and ${wanted}`
  const kept = parts.filter((part) => !sameTerm(part, opposite) && !sameTerm(part, wanted))
  return [...kept, wanted].join(' and ')
}

function negated(term: string): string {
  const positive = /^(?:not\s+|-)(.*)$/is.exec(term)?.[1]
  return positive ?? `not ${term}`
}

/** `-field:value` is another way to write `not field:value`. */
function sameTerm(a: string, b: string): boolean {
  const plain = (term: string): string => term.replace(/^(?:-|not\s+)/i, 'not ')
  return plain(a) === plain(b)
}

/** The parts between the `and`s that are in no bracket or quote; null when an `or` is beside them. */
function splitAnd(query: string): string[] | null {
  const parts: string[] = []
  let begin = 0
  for (const { word, from, to, depth } of words(query)) {
    if (depth > 0) continue
    if (/^(?:or|\|\|)$/i.test(word)) return null
    if (!/^(?:and|&&)$/i.test(word)) continue
    parts.push(query.slice(begin, from).trim())
    begin = to
  }
  parts.push(query.slice(begin).trim())
  return parts.filter((part) => part !== '')
}

interface Word {
  readonly word: string
  readonly from: number
  readonly to: number
  /** Brackets around it. */
  readonly depth: number
  /** It has a quote that is not closed. */
  readonly open: boolean
}

/** Cuts at spaces and brackets outside of quotes. */
function words(query: string): Word[] {
  const found: Word[] = []
  let from = -1
  let quoted = false
  let depth = 0
  const end = (to: number): void => {
    if (from >= 0) found.push({ word: query.slice(from, to), from, to, depth, open: quoted })
    from = -1
  }
  for (let i = 0; i < query.length; i++) {
    const char = query.charAt(i)
    if (!quoted && /[\s()]/.test(char)) {
      end(i)
      depth += char === '(' ? 1 : char === ')' ? -1 : 0
      continue
    }
    if (from < 0) from = i
    if (char === '"') quoted = !quoted
    else if (char === '\\') i++
  }
  end(query.length)
  return found
}

export type Completion =
  /** `from` to `to` is what a choice replaces. */
  | { readonly kind: 'field'; readonly prefix: string; readonly from: number; readonly to: number }
  | {
      readonly kind: 'value'
      readonly field: string
      readonly prefix: string
      readonly from: number
      readonly to: number
    }

/** What may be completed where the cursor is, or null. */
export function completionAt(line: string, cursor: number): Completion | null {
  const before = line.slice(0, cursor)
  const last = words(before).at(-1)
  if (last === undefined || (last.to < cursor && !last.open)) {
    return { kind: 'field', prefix: '', from: cursor, to: cursor }
  }
  const colon = last.word.indexOf(':')
  const to = cursor + (/^[^\s()"]*/.exec(line.slice(cursor))?.[0].length ?? 0)
  if (colon < 0) {
    if (/^["[{<>]/.test(last.word) || /^(?:and|or|not)$/i.test(last.word)) return null
    const sign = /^[-!]/.test(last.word) ? 1 : 0
    return { kind: 'field', prefix: last.word.slice(sign), from: last.from + sign, to }
  }
  const field = last.word.slice(0, colon).replace(/^[-!]/, '')
  const raw = last.word.slice(colon + 1)
  if (!/^[\w@.]+$/.test(field) || /^[[{<>=]/.test(raw)) return null
  const closing = last.open && line.charAt(to) === '"' ? 1 : 0
  const prefix = raw.replaceAll(/^"|(?<!\\)"$/g, '').replaceAll(/\\(.)/g, '$1')
  return { kind: 'value', field, prefix, from: last.from + colon + 1, to: to + closing }
}

/** The line and the cursor after a choice. A field gets its colon, a value a space after it. */
export function complete(line: string, completion: Completion, choice: string): { line: string; cursor: number } {
  const rest = line.slice(completion.to)
  const inserted = completion.kind === 'field' ? `${choice}:` : `${lineValue(choice)}${rest.startsWith(' ') ? '' : ' '}`
  const head = line.slice(0, completion.from) + inserted
  return { line: head + rest, cursor: head.length }
}
