/** A template that was good at load cannot be filled in with an event, a field that it lacks say. */
export class TemplateRenderError extends Error {
  readonly code = 'GATEWAY_WEBHOOK_RENDER'
}

interface TemplateFunction {
  readonly minArguments: number
  readonly maxArguments: number
  readonly call: (...given: readonly unknown[]) => unknown
}

const ANY_NUMBER = Number.POSITIVE_INFINITY

/**
 * The functions of Go templates that texts of webhooks use. `and` and `or` evaluate all of their arguments, which has no
 * effect beyond time: no function does anything but compute.
 */
export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
  ['eq', { minArguments: 2, maxArguments: ANY_NUMBER, call: (a, ...others) => others.some((b) => isEqual(a, b)) }],
  ['ne', { minArguments: 2, maxArguments: 2, call: (a, b) => !isEqual(a, b) }],
  ['lt', { minArguments: 2, maxArguments: 2, call: (a, b) => compare(a, b) < 0 }],
  ['le', { minArguments: 2, maxArguments: 2, call: (a, b) => compare(a, b) <= 0 }],
  ['gt', { minArguments: 2, maxArguments: 2, call: (a, b) => compare(a, b) > 0 }],
  ['ge', { minArguments: 2, maxArguments: 2, call: (a, b) => compare(a, b) >= 0 }],
  ['and', { minArguments: 1, maxArguments: ANY_NUMBER, call: (...all) => firstOr(all, (a) => !isTrue(a)) }],
  ['or', { minArguments: 1, maxArguments: ANY_NUMBER, call: (...all) => firstOr(all, isTrue) }],
  ['not', { minArguments: 1, maxArguments: 1, call: (a) => !isTrue(a) }],
  ['len', { minArguments: 1, maxArguments: 1, call: lengthOf }],
  ['print', { minArguments: 0, maxArguments: ANY_NUMBER, call: print }],
  // Whatever comes out of an action is escaped once, with this function or without it.
  ['html', { minArguments: 1, maxArguments: 1, call: (a) => textOf(a) }],
  ['as_rfc3339', { minArguments: 1, maxArguments: 1, call: rfc3339 }],
  ['as_rfc3339_from_string', { minArguments: 1, maxArguments: 1, call: rfc3339 }],
] satisfies [string, TemplateFunction][])

/** The first value that passes the test, else the last one. */
function firstOr(values: readonly unknown[], test: (value: unknown) => boolean): unknown {
  const at = values.findIndex(test)
  return values[at === -1 ? values.length - 1 : at]
}

/** What Go takes for true in an `if`. */
export function isTrue(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === 0 || value === false) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

/** A value as text; nil is empty. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === null || value === undefined) return ''
  throw new TemplateRenderError('an object cannot be printed')
}

function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== typeof b || typeof a === 'object') throw new TemplateRenderError('incompatible types for comparison')
  return a === b
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b)
  throw new TemplateRenderError('incompatible types for comparison')
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value === 'object' && value !== null) return Object.keys(value).length
  throw new TemplateRenderError('len of a value that has none')
}

/** As Go's `fmt.Sprint`: a blank between two that are no text. */
function print(...values: readonly unknown[]): string {
  return values.reduce<string>((text, value, i) => {
    const blank = i > 0 && typeof value !== 'string' && typeof values[i - 1] !== 'string' ? ' ' : ''
    return text + blank + textOf(value)
  }, '')
}

const GO_TIME = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d\d)(\d\d)/

/** The text of a time in the form of RFC 3339; one that cannot be read stays as it is. */
function rfc3339(value: unknown): string {
  const text = textOf(value)
  const match = GO_TIME.exec(text)
  if (match === null) return text
  const [, day, clock, hours, minutes] = match
  return `${day}T${clock}${hours === '+00' && minutes === '00' ? 'Z' : `${hours}:${minutes}`}`
}
