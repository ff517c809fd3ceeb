import { SinkRefusedError } from '../../errors.ts'
import type { Sighting } from '../types.ts'
import type { Connection } from './connection.ts'
import type { NodeAnswer, NodeRequest } from './transport.ts'
import { busyError, errorOf } from './verdicts.ts'

interface Hit {
  /** The index behind an alias or a data stream. */
  readonly index: string
  readonly type: string
}

/** Searches for one document, as Kibana would. A refresh makes it visible at once where the credentials allow one. */
export async function findDocument(
  connection: Connection,
  index: string,
  id: string,
  signal: AbortSignal,
): Promise<Sighting> {
  const answer = await search(connection, index, [id], '', signal)
  if (answer.status === 401 || answer.status === 403) {
    return { kind: 'hidden', why: `these credentials may write but not search: ${errorOf(answer)}` }
  }
  const [hit] = hitsOf(answer)
  if (hit !== undefined) return { kind: 'found', where: `the index ${hit.index}` }
  const why = answer.status === 200 ? '' : ` (${answer.status}: ${errorOf(answer)})`
  return { kind: 'missing', where: `the index ${index}${why}` }
}

/** Deletes one document. @throws SinkRefusedError when it is not allowed. */
export async function removeDocument(
  connection: Connection,
  index: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  for (const hit of hitsOf(await search(connection, index, [id], '', signal))) {
    // Refreshed, so that no search finds it any more.
    const path = `/${[hit.index, hit.type, id].map(encodeURIComponent).join('/')}?refresh=true`
    const answer = await connection.send(() => ({ method: 'DELETE', path, body: null, contentType: null }), signal)
    if (answer.status !== 200 && answer.status !== 404) {
      throw new SinkRefusedError(`Elasticsearch answered ${answer.status}: ${errorOf(answer)}`)
    }
  }
}

/**
 * Which of the ids are in one of the indices behind a name; null where the credentials may not search.
 *
 * @throws SinkUnavailableError when the server cannot say now.
 */
export async function findIds(
  connection: Connection,
  name: string,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string> | null> {
  const found = new Set<string>()
  for (let at = 0; at < ids.length; at += MOST_IDS) {
    const part = ids.slice(at, at + MOST_IDS)
    const answer = await search(connection, name, part, '?filter_path=hits.hits._id', signal)
    if (answer.status === 401 || answer.status === 403) return null
    if (answer.status !== 200 && answer.status !== 404) throw busyError(answer)
    const { hits: { hits = [] } = {} } = (answer.body ?? {}) as { hits?: { hits?: { _id: string }[] } }
    for (const { _id: id } of hits) found.add(id)
  }
  return found
}

/** One search answers 10,000 documents at most; some ids may be there twice from before. */
const MOST_IDS = 5_000

async function search(
  connection: Connection,
  index: string,
  ids: readonly string[],
  query: string,
  signal: AbortSignal,
): Promise<NodeAnswer> {
  const at = `/${encodeURIComponent(index)}`
  const refresh: NodeRequest = { method: 'POST', path: `${at}/_refresh`, body: null, contentType: null }
  await connection.send(() => refresh, signal)
  const body = JSON.stringify({ size: 2 * ids.length, _source: false, query: { ids: { values: ids } } })
  return connection.send(
    () => ({ method: 'POST', path: `${at}/_search${query}`, body, contentType: 'application/json' }),
    signal,
  )
}

function hitsOf({ body }: NodeAnswer): Hit[] {
  const list = (body as { hits?: { hits?: unknown } } | null | undefined)?.hits?.hits
  if (!Array.isArray(list)) return []
  return list.flatMap((hit: { _index?: unknown; _type?: unknown }) => {
    const { _index: index, _type: type } = hit
    // Servers without types still name one that no path may have.
    return typeof index === 'string' ? [{ index, type: typeof type === 'string' ? type : '_doc' }] : []
  })
}
