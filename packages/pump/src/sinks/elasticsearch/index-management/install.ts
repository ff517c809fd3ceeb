import type { Connection } from '../connection.ts'
import type { NodeAnswer, NodeRequest } from '../transport.ts'
import { busyError, errorOf } from '../verdicts.ts'
import { type Decision, decide, type Stored } from './mark.ts'
import type { Resource } from './resource.ts'

const ASK_TIMEOUT_MS = 30_000

/** What came of one thing: what was done or why it was left, or the answer that refused it. */
export type Outcome =
  | { readonly kind: Decision }
  /** The server has nothing of the kind. */
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }

export type Ask = (method: NodeRequest['method'], path: string, body?: object) => Promise<NodeAnswer>

/** Requests for small things, each with its own deadline. @throws what `Connection.send` throws, also for a busy server. */
export function createAsk(connection: Connection): Ask {
  return async (method, path, body) => {
    const request: NodeRequest = {
      method,
      path,
      body: body === undefined ? null : JSON.stringify(body),
      contentType: body === undefined ? null : 'application/json',
    }
    const answer = await connection.send(() => request, AbortSignal.timeout(ASK_TIMEOUT_MS))
    if (answer.status === 408 || answer.status === 429 || answer.status >= 500) throw busyError(answer)
    return answer
  }
}

/** Brings one thing into its form, unless it is a person's. Once more changes nothing. */
export async function install(resource: Resource, ask: Ask): Promise<Outcome> {
  const found = await ask('GET', resource.path)
  if (hasNoSuchThing(found)) return { kind: 'unknown', reason: describe(found) }
  if (found.status !== 200 && found.status !== 404) return { kind: 'refused', reason: describe(found) }
  const stored = found.status === 200 ? read(resource, found) : null
  const decision = resource.once && stored !== null ? 'keep' : decide(resource.mark, stored)
  if (resource.existing && (decision === 'create' || decision === 'foreign')) return { kind: 'keep' }
  if (decision !== 'create' && decision !== 'update') return { kind: decision }
  const more = stored === null ? '' : (resource.replacing?.(found) ?? '')
  const answer = await ask('PUT', resource.path + more, resource.body)
  if (answer.status === 200 || answer.status === 201) return { kind: decision }
  // Another pump was faster.
  if (answer.status === 409) return { kind: 'keep' }
  const unknown = hasNoSuchThing(answer) || isTakenForDocument(answer)
  return { kind: unknown ? 'unknown' : 'refused', reason: describe(answer) }
}

/** What is there, null for nothing. */
export async function readStored(resource: Resource, ask: Ask): Promise<Stored | null> {
  const answer = await ask('GET', resource.path)
  return answer.status === 200 ? read(resource, answer) : null
}

/** What is in no form that can be read is nobody's but a person's. */
function read(resource: Resource, answer: NodeAnswer): Stored {
  try {
    return resource.read(answer)
  } catch {
    return { mark: null, content: null }
  }
}

/** Servers without a feature, and those that offer it to no one, do not know its paths. */
const hasNoSuchThing = (answer: NodeAnswer): boolean =>
  answer.status === 405 || answer.status === 410 || (answer.status === 400 && /no handler found/.test(errorOf(answer)))

/** Before version 8 the path of a feature that is not there is that of a document in an index `_ilm`, which cannot be made. */
const isTakenForDocument = (answer: NodeAnswer): boolean =>
  (answer.status === 400 && errorOf(answer).startsWith('invalid_index_name_exception')) ||
  (answer.status === 404 && errorOf(answer).startsWith('index_not_found_exception'))

const describe = (answer: NodeAnswer): string => `${answer.status}: ${errorOf(answer)}`
