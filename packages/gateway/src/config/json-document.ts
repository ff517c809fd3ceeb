/**
 * A parsed JSON value that still knows what Go's decoder looks at and JSON.parse forgets: how a number was written, and
 * every member of an object in order, repeated names included.
 */
export type JsonNode =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'list'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, JsonNode])[] }

/** The text is not JSON. The message has the place but nothing of the text, which may hold secrets. */
export class JsonSyntaxError extends Error {
  readonly code = 'GATEWAY_JSON_SYNTAX'
}

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const WORD = /true|false|null/y
const MAX_DEPTH = 1000

/** Parses the first JSON value of a text and ignores what follows it, as Go's decoder does. */
export function parseFirstJson(text: string): JsonNode {
  const parser = new Parser(text)
  return parser.value(0)
}

/** Parses a text that is one JSON value. */
export function parseJson(text: string): JsonNode {
  const parser = new Parser(text)
  const node = parser.value(0)
  parser.end()
  return node
}

/** The plain value of a node; of a repeated name the last member counts. */
export function plainValue(node: JsonNode): unknown {
  switch (node.kind) {
    case 'null':
      return null
    case 'number':
      return Number(node.text)
    case 'list':
      return node.items.map(plainValue)
    case 'object':
      return Object.fromEntries(node.members.map(([name, member]) => [name, plainValue(member)]))
    default:
      return node.value
  }
}

class Parser {
  private at = 0
  private readonly text: string

  constructor(text: string) {
    this.text = text
  }

  value(depth: number): JsonNode {
    if (depth > MAX_DEPTH) throw this.error('too many levels')
    this.take(SPACE)
    switch (this.text[this.at]) {
      case '{':
        return { kind: 'object', members: this.sequence('}', () => this.member(depth)) }
      case '[':
        return { kind: 'list', items: this.sequence(']', () => this.value(depth + 1)) }
      case '"':
        return { kind: 'string', value: this.string() }
      default:
        return this.scalar()
    }
  }

  end(): void {
    this.take(SPACE)
    if (this.at < this.text.length) throw this.error('expected the end')
  }

  private sequence<T>(close: string, item: () => T): T[] {
    this.at++
    const items: T[] = []
    if (this.skip(close)) return items
    do {
      items.push(item())
    } while (this.skip(','))
    if (!this.skip(close)) throw this.error(`expected "," or "${close}"`)
    return items
  }

  private member(depth: number): readonly [string, JsonNode] {
    this.take(SPACE)
    const name = this.string()
    if (!this.skip(':')) throw this.error('expected ":"')
    return [name, this.value(depth + 1)]
  }

  private string(): string {
    const token = this.take(STRING)
    if (token === undefined) throw this.error('expected a string in double quotes')
    return (JSON.parse(token) as string).toWellFormed()
  }

  private scalar(): JsonNode {
    const word = this.take(WORD)
    if (word === 'null') return { kind: 'null' }
    if (word !== undefined) return { kind: 'boolean', value: word === 'true' }
    const number = this.take(NUMBER)
    if (number === undefined) throw this.error('expected a value')
    return { kind: 'number', text: number }
  }

  private skip(character: string): boolean {
    this.take(SPACE)
    if (this.text[this.at] !== character) return false
    this.at++
    return true
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    this.at += found?.length ?? 0
    return found
  }

  private error(expected: string): JsonSyntaxError {
    const before = this.text.slice(0, this.at)
    const line = before.split('\n').length
    const column = this.at - before.lastIndexOf('\n')
    const end = this.at >= this.text.length ? ', but the text ends' : ''
    return new JsonSyntaxError(`${expected} at line ${line}, column ${column}${end}`)
  }
}
