import type { PumpRecord, Rejection, Verdict } from '../types.ts'
import type { BulkBody } from './bulk-body.ts'
import type { Connection } from './connection.ts'
import type { BodyWriter } from './form.ts'
import type { Server } from './server.ts'
import { type FieldIn, readBulkAnswer } from './verdicts.ts'

export interface WriteManyDeps {
  readonly connection: Connection
  readonly writer: BodyWriter
  readonly typeOf: (server: Server) => string | null
  readonly fieldIn: FieldIn
  /** Tries to get refused records in in another form. One verdict per record. */
  readonly repair: (
    records: readonly PumpRecord[],
    refusals: readonly Rejection[],
    signal: AbortSignal,
  ) => Promise<readonly Verdict[]>
}

type WriteMany = (batch: readonly PumpRecord[], signal: AbortSignal) => Promise<readonly Verdict[] | null>

/**
 * One bulk request for a batch. Records become texts one by one only where the server refuses one of them.
 *
 * The function returned answers null when less than two of the records have a document form: nothing was sent then.
 */
export function createWriteMany({ connection, writer, typeOf, fieldIn, repair }: WriteManyDeps): WriteMany {
  /** As the server was last: nearly always what it is now. */
  let lastType: string | null = null

  return async (batch, signal) => {
    let type = lastType
    let body = writer.write(batch, type)
    if (body.count < 2) return null
    const answer = await connection.send((server) => {
      lastType = typeOf(server)
      if (lastType !== type) {
        type = lastType
        body = writer.write(batch, type)
      }
      return { method: 'POST', path: '/_bulk', body: body.bytes, contentType: 'application/x-ndjson' }
    }, signal)
    const answered = readBulkAnswer(answer, body.count, fieldIn)
    if (body.rejections.size === 0 && !answered.some(isRefusal)) return answered
    const verdicts = withRejections(answered, body)
    const refused = verdicts.flatMap((verdict, at) => (isRefusal(verdict) && !body.rejections.has(at) ? at : []))
    if (refused.length === 0) return verdicts
    const repaired = await repair(
      refused.map((at) => batch[at]!),
      refused.map((at) => verdicts[at] as Rejection),
      signal,
    )
    for (const [place, at] of refused.entries()) verdicts[at] = repaired[place] ?? 'retry'
    return verdicts
  }
}

const isRefusal = (verdict: Verdict): boolean => typeof verdict === 'object'

/** The verdicts on the documents sent, and those on the records that have none in between. */
function withRejections(verdicts: readonly Verdict[], { count, rejections }: BulkBody): Verdict[] {
  let next = 0
  return Array.from({ length: count + rejections.size }, (_, at) => rejections.get(at) ?? verdicts[next++] ?? 'retry')
}
