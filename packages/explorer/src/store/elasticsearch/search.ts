import { StoreUnavailableError } from '../types.ts'
import type { Connection } from './connection.ts'
import type { Found } from './numbers.ts'

export interface Hit {
  readonly _id: string
  readonly _index: string
  readonly _source?: Readonly<Record<string, unknown>>
  readonly sort?: readonly unknown[]
}

export interface SearchAnswer {
  readonly took: number
  readonly timed_out: boolean
  readonly _shards: {
    readonly total: number
    readonly failed: number
    readonly failures?: readonly { readonly reason?: { readonly type?: string; readonly reason?: string } }[]
  }
  readonly hits: {
    readonly total?: { readonly value: number; readonly relation: string }
    readonly hits: readonly Hit[]
  }
  readonly aggregations?: Readonly<Record<string, Found>>
}

/** Asks for the answer to one body. */
export type Search = (body: object) => Promise<SearchAnswer>

/** One search over the index, within the time that is left to the store itself. */
export async function search(
  connection: Connection,
  index: string,
  body: object,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<SearchAnswer> {
  const path = `/${index}/_search?ignore_unavailable=true&allow_no_indices=true&allow_partial_search_results=true`
  const answer = (await connection.ask('POST', path, { ...body, timeout: `${timeoutMs}ms` }, signal)) as SearchAnswer
  if (answer.hits?.hits === undefined || answer._shards === undefined) {
    throw new StoreUnavailableError(`${index}: the answer is not that of a search`)
  }
  const { total, failed } = answer._shards
  // Without any shard an answer looks like one about nothing.
  if (total > 0 && failed >= total) throw new StoreUnavailableError(`no shard of ${index} answers: ${reasonOf(answer)}`)
  return answer
}

/** Why the numbers of an answer may be too small; null when they are whole. */
export function partialityOf(answer: SearchAnswer): string | null {
  const { failed, total } = answer._shards
  const reasons = [
    ...(failed > 0 ? [`${failed} of ${total} shards did not answer (${reasonOf(answer)})`] : []),
    ...(answer.timed_out ? ['Elasticsearch stopped counting when its time was over'] : []),
  ]
  return reasons.length === 0 ? null : reasons.join('; ')
}

function reasonOf({ _shards }: SearchAnswer): string {
  const { type, reason } = _shards.failures?.[0]?.reason ?? {}
  return `${type ?? 'no reason given'}: ${reason ?? ''}`.slice(0, 300)
}
