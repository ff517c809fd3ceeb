// Hot path.
import { BoundedMap } from '../auth/bounded-map.ts'

/**
 * Request or response headers as a flat list: name, value, name, value.
 *
 * Names are kept in Go's canonical form, because that is what leaves on the wire, unless
 * `ignore_canonical_mime_header_key` keeps the spelling of those a definition sets. Values are byte strings (one UTF-16
 * unit 0–255 per byte), as Node reads them, so bytes above 0x7f pass unchanged. Lines of one name stay separate and in
 * order. `Host` is never in here: like in Go, it is a property of the request.
 */
export class HeaderList {
  readonly pairs: string[]
  /** Names that were set or added, rather than received; null: none. */
  own: string[] | null = null

  constructor(pairs: string[]) {
    this.pairs = pairs
  }

  /** @param name - in canonical form. Returns the first value, or null. */
  get(name: string): string | null {
    const { pairs } = this
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] === name) return pairs[i + 1] as string
    }
    return null
  }

  getAll(name: string): string[] {
    const values: string[] = []
    const { pairs } = this
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] === name) values.push(pairs[i + 1] as string)
    }
    return values
  }

  has(name: string): boolean {
    return this.get(name) !== null
  }

  /** Replaces every line of this name by one, at the place of the first. */
  set(name: string, text: string): void {
    const value = fieldValue(text)
    const { pairs } = this
    this.#note(name)
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] !== name) continue
      pairs[i + 1] = value
      this.#removeFrom(i + 2, name)
      return
    }
    pairs.push(name, value)
  }

  add(name: string, text: string): void {
    this.#note(name)
    this.pairs.push(name, fieldValue(text))
  }

  delete(name: string): void {
    this.#removeFrom(0, name)
  }

  #note(name: string): void {
    if (this.own === null) this.own = [name]
    else if (!this.own.includes(name)) this.own.push(name)
  }

  #removeFrom(start: number, name: string): void {
    const { pairs } = this
    let kept = start
    while (kept < pairs.length && pairs[kept] !== name) kept += 2
    if (kept >= pairs.length) return
    for (let i = kept + 2; i < pairs.length; i += 2) {
      if (pairs[i] === name) continue
      pairs[kept] = pairs[i] as string
      pairs[kept + 1] = pairs[i + 1] as string
      kept += 2
    }
    pairs.length = kept
  }
}

const OUTER_BLANKS = /^[ \t]+|[ \t]+$/g
const NOT_IN_VALUES = /[\0-\x08\x0a-\x1f\x7f]|[^\0-\xff]/g

/**
 * A text as the value of a header. What steps put in may come from a client, a decoded path or parameter say, and a line
 * end in it must not begin a header of its own: as in Go, control characters become blanks. So does what is no byte.
 */
export const fieldValue = (text: string): string =>
  text.search(NOT_IN_VALUES) === -1 ? text : text.replace(NOT_IN_VALUES, ' ').replace(OUTER_BLANKS, '')

/**
 * Bound on remembered spellings: names come from clients. Those that come again stay, however many are invented. A
 * remembered one takes 50 ns, one made anew 1 µs (Node 24, bench/header-walk.bench.ts).
 */
const MAX_CACHED_NAMES = 2048
const MAX_CACHED_LENGTH = 64
const canonicalNames = new BoundedMap<string, string>(MAX_CACHED_NAMES)

/**
 * Go's canonical form of a header name: `x-api-KEY` becomes `X-Api-Key`.
 *
 * A name with a character that no header name may have is returned as it is.
 */
export function canonicalHeaderName(name: string): string {
  const cached = canonicalNames.get(name)
  if (cached !== undefined) return cached
  const canonical = toCanonical(name)
  if (name.length <= MAX_CACHED_LENGTH) canonicalNames.set(name, canonical)
  return canonical
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

function toCanonical(name: string): string {
  if (!TOKEN.test(name)) return name
  return name.toLowerCase().replace(/(^|-)([a-z])/g, (match) => match.toUpperCase())
}

/**
 * Builds the list from Node's raw headers, without `Host`.
 *
 * @param raw - `IncomingMessage.rawHeaders`: name, value, name, value.
 */
export function headerListFromRaw(raw: readonly string[]): HeaderList {
  const pairs: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = canonicalHeaderName(raw[i] as string)
    if (name !== 'Host') pairs.push(name, raw[i + 1] as string)
  }
  return new HeaderList(pairs)
}
