/** One HTTP exchange with one node. Two clients implement it; what they answer is read in one place. */
export interface NodeTransport {
  readonly kind: 'client' | 'http'
  /** @throws NodeFailure when there was no complete answer; NotServedError when the client refuses this server. */
  send(request: NodeRequest, signal: AbortSignal): Promise<NodeAnswer>
  close(): Promise<void>
}

export interface NodeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With its query, without the node's prefix. */
  readonly path: string
  readonly body: string | Buffer | null
  readonly contentType: 'application/json' | 'application/x-ndjson' | null
}

export interface NodeAnswer {
  readonly status: number
  readonly retryAfterMs: number | null
  readonly productHeader: string | null
  readonly bytes: Buffer
  /** The parsed body, undefined when it is no JSON. Parsed when it is asked for first. */
  readonly body: unknown
}

/** The connection failed, was cut or took too long: whether the request was carried out is unknown. */
export class NodeFailure extends Error {
  override readonly name = 'NodeFailure'
}

/** The official client does not work with this server; plain HTTP may. */
export class NotServedError extends Error {
  override readonly name = 'NotServedError'
}

/** For one exchange, however long the caller is willing to wait. */
export const REQUEST_TIMEOUT_MS = 60_000

/** Answers are a fraction of the request; more than this is no bulk answer and would only fill memory. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Reads an answer to its end. */
export async function readAnswer(status: number, headers: Headers, body: AsyncIterable<Buffer>): Promise<NodeAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new NodeFailure(`the answer exceeds ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks)
  let parsed: { readonly body: unknown } | null = null
  return {
    status,
    retryAfterMs: parseRetryAfter(first(headers['retry-after']), Date.now()),
    productHeader: first(headers['x-elastic-product']),
    bytes,
    get body() {
      parsed ??= { body: parseJson(bytes.toString('utf8')) }
      return parsed.body
    },
  }
}

/** Seconds or an HTTP date, in milliseconds from now; null for anything else. */
export function parseRetryAfter(text: string | null, nowMs: number): number | null {
  if (text === null || text.trim() === '') return null
  const seconds = Number(text)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : null
  const date = Date.parse(text)
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs)
}

function first(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
