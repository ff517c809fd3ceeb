import { SinkBatchTooLargeError } from '../../errors.ts'
import type { PumpRecord, Rejection, Verdict } from '../types.ts'
import { moveAside, noteLeftOut } from './quarantine.ts'
import { TOO_LARGE } from './verdicts.ts'

/** A record in the form in which it is sent. */
export interface Encoded {
  readonly entry: PumpRecord
  readonly index: string
  readonly document: string
  /** The raw texts were left out. */
  readonly trimmed?: true
}

export interface RepairDeps {
  /** @throws what a sink's `write` throws. */
  readonly send: (batch: readonly Encoded[]) => Promise<readonly Verdict[]>
  /** The document without its raw texts, or null when it has none. */
  readonly withoutRaw: (encoded: Encoded) => string | null
  /** Names of the raw texts in the document. */
  readonly rawFields: readonly string[]
  /** A document was stored in another form than the record's. */
  readonly onRepaired: (encoded: Encoded, refusal: Rejection) => void
}

/** Each round moves one more field aside: a server names only the first that it stumbles over. */
const MOST_ROUNDS = 5

/**
 * Sends documents again that were refused for one of their fields, with that field moved aside, or for their size, without
 * the raw texts. So the request stays countable. What is refused in that form as well keeps its rejection, with both reasons.
 */
export async function repair(
  batch: readonly Encoded[],
  verdicts: readonly Verdict[],
  deps: RepairDeps,
): Promise<readonly Verdict[]> {
  if (!verdicts.some((verdict) => typeof verdict === 'object')) return verdicts
  const results = [...verdicts]
  let open = batch.flatMap((form, at): Patient[] => {
    const refusal = results[at]
    return typeof refusal === 'object' ? [{ at, form, refusals: [refusal] }] : []
  })
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const changed = open.flatMap((patient) => change(patient, deps))
    if (changed.length === 0) break
    const answers = await sendInParts(
      changed.map(({ form }) => form),
      deps.send,
    )
    open = changed.flatMap(({ at, form, refusals }, place): Patient[] => {
      const answer = answers[place] ?? 'retry'
      const all = typeof answer === 'object' ? [...refusals, answer] : refusals
      results[at] = typeof answer === 'object' ? together(all) : answer
      if (answer === 'delivered') deps.onRepaired(form, together(refusals))
      return typeof answer === 'object' ? [{ at, form, refusals: all }] : []
    })
  }
  return results
}

/** A document that was refused, in the form in which it was, and why: this time, and in its earlier forms. */
interface Patient {
  readonly at: number
  readonly form: Encoded
  readonly refusals: readonly Rejection[]
}

/** The document in its next form; none when there is no other. */
function change({ at, form, refusals }: Patient, { withoutRaw, rawFields }: RepairDeps): Patient[] {
  const refusal = refusals.at(-1)
  if (refusal === undefined) return []
  if (refusal.errorType !== TOO_LARGE) {
    const { field } = refusal
    const document = field === undefined ? null : moveAside(form.document, field, refusal.rejected)
    return document === null ? [] : [{ at, form: { ...form, document }, refusals }]
  }
  // What was moved aside before would come back with the rest of the record.
  const trimmed = refusals.length === 1 ? withoutRaw(form) : null
  if (trimmed === null) return []
  const document = noteLeftOut(trimmed, rawFields, refusal.rejected)
  return [{ at, form: { ...form, document, trimmed: true }, refusals }]
}

/** A server that fails now is no reason to give a record up: it is sent again from the beginning. */
async function sendInParts(batch: readonly Encoded[], send: RepairDeps['send']): Promise<readonly Verdict[]> {
  try {
    return await send(batch)
  } catch (error) {
    if (!(error instanceof SinkBatchTooLargeError)) return batch.map(() => 'retry')
    if (batch.length === 1) return [{ rejected: error.message, errorType: TOO_LARGE }]
    const middle = Math.ceil(batch.length / 2)
    const first = await sendInParts(batch.slice(0, middle), send)
    return [...first, ...(await sendInParts(batch.slice(middle), send))]
  }
}

/** The first refusal, what was changed because of it and of those after it, and the last one. */
function together(refusals: readonly Rejection[]): Rejection {
  const [first, last] = [refusals[0], refusals.at(-1)]
  if (first === undefined || last === undefined || first === last) return first ?? { rejected: '' }
  const fields = refusals.slice(0, -1).flatMap(({ field }) => field ?? [])
  const changes = [
    ...(first.errorType === TOO_LARGE ? ['without its raw texts'] : []),
    ...(fields.length > 0 ? [`with ${fields.join(', ')} moved aside`] : []),
  ]
  return { ...first, rejected: `${first.rejected}; ${changes.join(' and ')}: ${last.rejected}` }
}
