import type { Field } from '../fields.ts'
import type { Query } from './ast.ts'
import { QuerySyntaxError } from './errors.ts'

const MAX_DEPTH = 30
/** liqe takes 35 ms for as many. */
const MAX_TERMS = 200

type Operator = { readonly kind: 'and' | 'or' | 'not'; readonly position: number }

interface Level {
  /** In `field:(a or b)`. */
  readonly field: Field | null
  readonly position: number
}

/**
 * Writes the line that liqe reads: `t:` and a number for each term, every `and` in words, and brackets around what `or`
 * parts, because liqe takes `a or b and c` from left to right.
 */
export class Structure {
  readonly terms: Query[] = []
  #text = '(('
  readonly #levels: Level[] = []
  /** An operand stands on the left, on this level. */
  #complete = false
  /** The operator that waits for an operand. */
  #waiting: Operator | null = null
  #negated = false

  /** The field whose values the brackets around hold. */
  get field(): Field | null {
    return this.#levels.at(-1)?.field ?? null
  }

  term(term: Query, position: number): void {
    if (this.terms.length >= MAX_TERMS) {
      throw new QuerySyntaxError(`more than ${MAX_TERMS} terms`, position, 'use fewer terms, or wildcards')
    }
    this.#beginOperand()
    this.#text += `t:${this.terms.length}`
    this.terms.push(term)
    this.#complete = true
  }

  open(field: Field | null, position: number): void {
    if (this.#levels.length >= MAX_DEPTH) {
      throw new QuerySyntaxError(`brackets are nested more than ${MAX_DEPTH} deep`, position, 'use fewer brackets')
    }
    this.#beginOperand()
    this.#text += '(('
    this.#levels.push({ field, position })
    this.#complete = false
  }

  close(position: number): void {
    if (this.#levels.length === 0) {
      throw new QuerySyntaxError('no bracket is open here', position, 'remove it, or write \\) for the sign itself')
    }
    this.#requireOperand()
    if (!this.#complete) {
      throw new QuerySyntaxError('nothing stands in these brackets', position, 'write a term in them, or remove them')
    }
    this.#text += '))'
    this.#levels.pop()
  }

  operator(operator: Operator): void {
    if (operator.kind === 'not') {
      this.#negated = !this.#negated
    } else {
      if (!this.#complete || this.#waiting !== null) {
        const cure = `write a term before it, or "${operator.kind}" in quotes for the word`
        throw new QuerySyntaxError(`nothing stands before this ${operator.kind}`, operator.position, cure)
      }
      if (operator.kind === 'or') {
        this.#text += ') OR ('
        this.#complete = false
      }
    }
    this.#waiting = operator
  }

  end(): string {
    this.#requireOperand()
    const open = this.#levels.at(-1)
    if (open !== undefined) throw new QuerySyntaxError('this bracket is not closed', open.position, 'close it with )')
    return `${this.#text}))`
  }

  #beginOperand(): void {
    if (this.#complete) this.#text += ' AND '
    if (this.#negated) this.#text += 'NOT '
    this.#negated = false
    this.#waiting = null
  }

  #requireOperand(): void {
    if (this.#waiting === null) return
    const { kind, position } = this.#waiting
    const cure = `write a term after it, or "${kind}" in quotes for the word`
    throw new QuerySyntaxError(`nothing follows this ${kind}`, position, cure)
  }
}
