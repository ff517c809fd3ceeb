import { FUNCTIONS, isTrue, TemplateRenderError, textOf } from './functions.ts'
import { scanTemplate, TemplateSyntaxError, type Piece, type Token } from './scan.ts'

export { TemplateRenderError } from './functions.ts'
export { TemplateSyntaxError } from './scan.ts'

/*
 * The part of Go's html/template that texts of webhooks use: fields, `if`, pipes and a few functions. What an action
 * prints is escaped for HTML text, wherever it stands; Go also looks at the tags around it, which bodies in JSON have
 * none of. Anything else (`range`, `with`, variables, definitions) is refused when the template is loaded.
 */

/**
 * Fills a template in.
 *
 * @throws TemplateRenderError for a field that the data lacks, or a function that cannot take its arguments.
 */
export type Render = (data: object) => string

type Value = (data: object) => unknown

/** @throws TemplateSyntaxError whose message begins with the line. */
export function compileTemplate(text: string): Render {
  return new Parser(scanTemplate(text)).parse()
}

type Action = Extract<Piece, { kind: 'action' }>

const NOT_SUPPORTED = new Set(['range', 'with', 'define', 'template', 'block', 'break', 'continue'])

class Parser {
  readonly #pieces: readonly Piece[]
  #at = 0

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces
  }

  parse(): Render {
    const { render, stop } = this.#list()
    if (stop !== null) throw new TemplateSyntaxError(stop.line, `{{${stop.source}}} without an {{if}}`)
    return render
  }

  /** Everything up to an `else` or `end` of the level above, which is `stop`. */
  #list(): { readonly render: Render; readonly stop: Action | null } {
    const parts: Render[] = []
    const render: Render = (data) => parts.reduce((text, part) => text + part(data), '')
    for (let piece = this.#pieces[this.#at++]; piece !== undefined; piece = this.#pieces[this.#at++]) {
      if (piece.kind === 'text') {
        const { text } = piece
        parts.push(() => text)
        continue
      }
      const word = keywordOf(piece)
      if (word === 'else' || word === 'end') return { render, stop: piece }
      parts.push(word === 'if' ? this.#condition(piece, 1) : printed(piece))
    }
    return { render, stop: null }
  }

  /** @param skip - tokens before the condition: `if`, or `else if`. */
  #condition(action: Action, skip: number): Render {
    const condition = compilePipeline(action, action.tokens.slice(skip))
    const yes = this.#list()
    const no = this.#otherwise(action, yes.stop)
    return (data) => (isTrue(condition(data)) ? yes.render(data) : no(data))
  }

  #otherwise(action: Action, stop: Action | null): Render {
    if (stop === null) throw new TemplateSyntaxError(action.line, `{{${action.source}}} has no {{end}}`)
    if (keywordOf(stop) === 'end') return () => ''
    const [, second] = stop.tokens
    if (second === undefined) {
      const { render, stop: end } = this.#list()
      if (end !== null && keywordOf(end) === 'end') return render
      throw new TemplateSyntaxError(stop.line, '{{else}} has no {{end}}')
    }
    if (second.kind !== 'word' || second.text !== 'if') {
      throw new TemplateSyntaxError(stop.line, `{{${stop.source}}}: only {{else}} and {{else if}} are known`)
    }
    return this.#condition(stop, 2)
  }
}

function keywordOf({ tokens, source, line }: Action): string {
  const [first] = tokens
  if (first?.kind !== 'word') return ''
  if (NOT_SUPPORTED.has(first.text)) {
    throw new TemplateSyntaxError(line, `{{${source}}}: ${first.text} is not supported in templates of webhooks`)
  }
  return first.text
}

function printed(action: Action): Render {
  const value = compilePipeline(action, action.tokens)
  return (data) => escapeHtml(textOf(value(data)))
}

/** Commands with pipes between them: each is the last argument of the next. */
function compilePipeline(action: Action, tokens: readonly Token[]): Value {
  const reader = new CommandReader(action, tokens)
  const value = reader.pipeline()
  reader.expectEnd()
  return value
}

class CommandReader {
  readonly #action: Action
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(action: Action, tokens: readonly Token[]) {
    this.#action = action
    this.#tokens = tokens
  }

  pipeline(): Value {
    let value = this.#command(null)
    while (this.#takes('|')) value = this.#command(value)
    return value
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) throw this.#error('something stands where nothing should')
  }

  #command(piped: Value | null): Value {
    const first = this.#tokens[this.#at]
    if (first?.kind === 'word') {
      this.#at++
      return this.#call(first.text, piped)
    }
    if (piped !== null) throw this.#error('a function is expected behind the pipe')
    const value = this.#operand()
    if (value === null) throw this.#error('a value is missing')
    return value
  }

  #call(name: string, piped: Value | null): Value {
    const called = FUNCTIONS.get(name)
    if (called === undefined) throw this.#error(`function ${name} is not known`)
    const given: Value[] = []
    for (let value = this.#operand(); value !== null; value = this.#operand()) given.push(value)
    if (piped !== null) given.push(piped)
    if (given.length < called.minArguments || given.length > called.maxArguments) {
      throw this.#error(`${name} does not take ${given.length} arguments`)
    }
    return (data) => called.call(...given.map((value) => value(data)))
  }

  /** One argument; null: there is none. */
  #operand(): Value | null {
    const token = this.#tokens[this.#at]
    if (token === undefined) return null
    if (token.kind === 'literal') {
      this.#at++
      const { value } = token
      return () => value
    }
    if (token.kind === 'field') {
      this.#at++
      const names = token.text.split('.').filter((name) => name !== '')
      return (data) => names.reduce<unknown>(fieldOf, data)
    }
    // A function without arguments of its own, as in `eq now .X`, is none of those that are known.
    if (!this.#takes('(')) return null
    const value = this.pipeline()
    if (!this.#takes(')')) throw this.#error('a parenthesis is not closed')
    return value
  }

  #takes(sign: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'sign' || token.text !== sign) return false
    this.#at++
    return true
  }

  #error(problem: string): TemplateSyntaxError {
    return new TemplateSyntaxError(this.#action.line, `{{${this.#action.source}}}: ${problem}`)
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) {
    throw new TemplateRenderError(`the event has no field ${name} there`)
  }
  return (value as Readonly<Record<string, unknown>>)[name]
}

const ENTITIES: Readonly<Record<string, string>> = {
  '"': '&#34;',
  '&': '&amp;',
  "'": '&#39;',
  '+': '&#43;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\uFFFD',
}

const escapeHtml = (text: string): string => text.replace(/["&'+<>\0]/g, (char) => ENTITIES[char] as string)
