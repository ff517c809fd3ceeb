import { SinkBatchTooLargeError, SinkRefusedError, SinkUnavailableError } from '../../errors.ts'
import type { Rejection, Verdict } from '../types.ts'
import { saysAllCreated } from './bulk-answer.ts'
import { guiltyField } from './quarantine.ts'
import type { NodeAnswer } from './transport.ts'

/** The field that a reason names, as the documents of a form call it. */
export type FieldIn = (reason: string) => string | null

/** What an answer says about each record. Nothing in it is trusted to be there. */
export function readBulkAnswer(answer: NodeAnswer, count: number, fieldIn: FieldIn = guiltyField): Verdict[] {
  throwForStatus(answer)
  if (saysAllCreated(answer.bytes, count)) return Array.from({ length: count }, () => 'delivered')
  const items = (answer.body as { items?: unknown } | null | undefined)?.items
  if (!Array.isArray(items)) {
    throw new SinkUnavailableError(`Elasticsearch answered ${answer.status} without the items of a bulk answer`)
  }
  const outcomes = Array.from({ length: count }, (_, i) => readItem(items[i]))
  return judge(outcomes, fieldIn)
}

/** The same for the answer to a single document, whose status is that of the exchange. */
export function readSingleAnswer(answer: NodeAnswer, fieldIn: FieldIn = guiltyField): Verdict {
  const { status } = answer
  if (status === 409) return 'delivered'
  const error = (answer.body as { error?: unknown } | null | undefined)?.error
  if (status === 400 && isUnknownType(errorOf(answer))) throw refusal(answer)
  // Here 400 and 404 are about one document, as they are for an item of a bulk answer.
  if (status === 400 || status === 404) {
    return judge([{ status, ...readError(error), index: null }], fieldIn)[0] ?? 'retry'
  }
  throwForStatus(answer)
  return 'delivered'
}

interface Outcome {
  readonly status: number
  readonly type: string
  readonly reason: string
  readonly index: string | null
}

/** An item out of shape counts as unanswered: the record is sent again, and its id protects against a second copy. */
const UNANSWERED: Outcome = { status: 0, type: '', reason: '', index: null }

function readItem(item: unknown): Outcome {
  if (typeof item !== 'object' || item === null) return UNANSWERED
  const result: unknown = Object.values(item)[0]
  if (typeof result !== 'object' || result === null) return UNANSWERED
  const { status, error, _index: index } = result as { status?: unknown; error?: unknown; _index?: unknown }
  if (typeof status !== 'number') return UNANSWERED
  return { status, ...readError(error), index: typeof index === 'string' ? index : null }
}

function readError(error: unknown): { type: string; reason: string } {
  if (typeof error === 'string') return { type: '', reason: error }
  const { type, reason } = (error ?? {}) as { type?: unknown; reason?: unknown }
  return { type: typeof type === 'string' ? type : '', reason: typeof reason === 'string' ? withoutValues(reason) : '' }
}

/** A reason may quote what could not be stored. Reasons are logged, records are not. */
function withoutValues(reason: string): string {
  return reason.replace(/\.? (?:Preview of field's value|The prefix of the first immense term)[^]*$/, '')
}

function judge(outcomes: readonly Outcome[], fieldIn: FieldIn): Verdict[] {
  const [first] = outcomes
  if (first && outcomes.every(isBlocked)) {
    throw new SinkRefusedError(`Elasticsearch refuses every record: ${describe(first)}`)
  }
  return outcomes.map((outcome) => verdictOf(outcome, fieldIn))
}

function verdictOf(outcome: Outcome, fieldIn: FieldIn): Verdict {
  if (isDone(outcome.status)) return 'delivered'
  return isPermanent(outcome) ? rejectionOf(outcome, fieldIn) : 'retry'
}

function rejectionOf(outcome: Outcome, fieldIn: FieldIn): Rejection {
  const { status, type, reason, index } = outcome
  const field = status === 400 && !isTooLarge(outcome) ? fieldIn(reason) : null
  return {
    rejected: describe(outcome),
    errorType: isTooLarge(outcome) ? TOO_LARGE : type || `status_${status}`,
    ...(index !== null && { index }),
    ...(field !== null && { field }),
  }
}

/** The document is larger than the server, or its JSON parser, takes. */
export const TOO_LARGE = 'too_large'

const isTooLarge = ({ status, reason }: Outcome): boolean =>
  status === 413 || /exceeds the maximum (?:allowed|length)/.test(reason)

/** 409 on a create: the document is there already, from an earlier attempt whose answer was lost. */
const isDone = (status: number): boolean => status === 200 || status === 201 || status === 409

const isPermanent = (outcome: Outcome): boolean =>
  outcome.status >= 400 &&
  outcome.status < 500 &&
  outcome.status !== 408 &&
  outcome.status !== 429 &&
  !isBlocked(outcome)

/** The index takes nothing until a person acts: no permission, read-only, or made with another mapping type. */
const isBlocked = ({ status, reason }: Outcome): boolean =>
  status === 401 || status === 403 || (status === 400 && /would have more than 1 type/.test(reason))

const describe = ({ status, type, reason }: Outcome): string =>
  `${status} ${type || 'error'}: ${reason || 'no reason given'}`

/** Throws when the answer as a whole is no success; the caller then knows nothing about any record. */
function throwForStatus(answer: NodeAnswer): void {
  const { status } = answer
  if (status === 200 || status === 201) return
  if (status === 413) throw new SinkBatchTooLargeError('Elasticsearch refused the request as too large (413)')
  if (status === 429 || status === 408 || status >= 500) throw busyError(answer)
  throw refusal(answer)
}

/** The server answers but takes nothing now. */
export function busyError(answer: NodeAnswer): SinkUnavailableError {
  return new SinkUnavailableError(`Elasticsearch answered ${answer.status}: ${errorOf(answer)}`, {
    ...(answer.retryAfterMs !== null && { retryAfterMs: answer.retryAfterMs }),
  })
}

/** What is left is about the request itself: credentials, a wrong URL, a version that does not fit. */
function refusal(answer: NodeAnswer): SinkRefusedError {
  const error = errorOf(answer)
  const advice = isUnknownType(error) ? '; set "version" to that of the server, or to "auto"' : ''
  return new SinkRefusedError(`Elasticsearch answered ${answer.status}: ${error}${advice}`)
}

const isUnknownType = (error: string): boolean =>
  /unknown (parameter|field|key).*_type|no handler found for uri/.test(error)

/** The error in an answer as text, or that there is none. */
export function errorOf(answer: NodeAnswer): string {
  const error = (answer.body as { error?: unknown } | null | undefined)?.error
  const { type, reason } = readError(error)
  return [type, reason].filter((part) => part !== '').join(': ') || 'no reason given'
}

/** Version 8 answers 400 to media types of another client generation. */
export function isWrongMediaType(answer: NodeAnswer): boolean {
  return answer.status === 400 && errorOf(answer).startsWith('media_type_header_exception')
}
