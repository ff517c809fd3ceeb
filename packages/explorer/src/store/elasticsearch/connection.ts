import { readFileSync } from 'node:fs'
import { Client, errors } from '@elastic/elasticsearch'
import { Pool } from 'undici'
import { ProblemError } from '../../errors.ts'
import { StoreUnavailableError, TooWideError } from '../types.ts'

export interface ConnectionOptions {
  /** May hold credentials, which the options below beat. */
  readonly url: string
  readonly username: string
  readonly password: string
  /** In its encoded form. */
  readonly apiKey: string
  /** Empty: the system's authorities. */
  readonly caFile: string
}

export interface Server {
  readonly distribution: 'elasticsearch' | 'opensearch'
  readonly version: string
  /** The official client accepts it. */
  readonly official: boolean
}

/** Asks one server, with what it wants to be asked by. */
export interface Connection {
  /** What is on the other side, after a look where it is not known. */
  server(signal: AbortSignal): Promise<Server>
  /**
   * Answers what the server has answered with status 200.
   *
   * @throws StoreUnavailableError, TooWideError, ProblemError when it finds the question wrong, or the signal's reason.
   */
  ask(method: 'GET' | 'POST', path: string, body: object | null, signal: AbortSignal): Promise<unknown>
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly product: string | undefined
  readonly body: unknown
}

type Send = (method: 'GET' | 'POST', path: string, body: string | null, signal: AbortSignal) => Promise<Answer>

/** No view is that large; what is must not fill the memory. */
const MOST_BYTES = 128 * 1024 * 1024

/** The deadline of a question is its signal's; these are for a server that lets it be asked and says nothing. */
const SOCKET_TIMEOUT_MS = 660_000

/** Both must agree, or Elasticsearch 8 answers 400; version 9 and OpenSearch understand them as well. */
const PLAIN_JSON = { 'content-type': 'application/json', accept: 'application/json' }

/** @throws When the file of the authority cannot be read. */
export function createConnection(options: ConnectionOptions): Connection {
  const url = new URL(options.url)
  const prefix = url.pathname.replace(/\/+$/, '')
  const tls = options.caFile === '' ? undefined : { ca: readFileSync(options.caFile, 'utf8') }
  const authorization = authorizationOf(options, url)
  const headers = authorization === null ? {} : { authorization }
  const pool = new Pool(url.origin, {
    connections: 16,
    headersTimeout: SOCKET_TIMEOUT_MS,
    bodyTimeout: SOCKET_TIMEOUT_MS,
    ...(tls && { connect: tls }),
  })
  const client = new Client({
    node: url.origin + prefix,
    maxRetries: 0,
    requestTimeout: SOCKET_TIMEOUT_MS,
    maxResponseSize: MOST_BYTES,
    agent: { connections: 16 },
    headers,
    ...(tls && { tls }),
  })

  const overHttp: Send = async (method, path, body, signal) => {
    const answer = await pool.request({
      method,
      path: prefix + path,
      headers: { ...headers, ...PLAIN_JSON, 'user-agent': 'tek-explorer' },
      body,
      signal,
    })
    const product = answer.headers['x-elastic-product']
    const text = await readText(answer.body)
    return { status: answer.statusCode, product: String(product), body: parseJson(text) }
  }

  const overClient: Send = async (method, path, body, signal) => {
    try {
      const params = { method, path, ...(body !== null && { body }) }
      const { statusCode, body: answered } = await client.transport.request(params, {
        meta: true,
        signal,
        headers: PLAIN_JSON,
      })
      return { status: statusCode ?? 0, product: 'Elasticsearch', body: answered }
    } catch (error) {
      if (!(error instanceof errors.ResponseError)) throw error
      return { status: error.statusCode ?? 0, product: 'Elasticsearch', body: error.body }
    }
  }

  let known: Server | null = null

  const attempt = async (
    send: Send,
    method: 'GET' | 'POST',
    path: string,
    body: object | null,
    signal: AbortSignal,
  ) => {
    try {
      const answer = await send(method, path, body === null ? null : JSON.stringify(body), signal)
      if (answer.status === 200) return answer
      throw errorOf(answer)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if ([TooWideError, StoreUnavailableError, ProblemError].some((kind) => error instanceof kind)) throw error
      // After an outage another server may be there.
      known = null
      throw new StoreUnavailableError(`Elasticsearch at ${url.host} does not answer: ${causeOf(error)}`, {
        cause: error,
      })
    }
  }

  const look = async (signal: AbortSignal): Promise<Server> => {
    const { product, body } = await attempt(overHttp, 'GET', '/', null, signal)
    return recognise(product, body)
  }

  const server = async (signal: AbortSignal): Promise<Server> => (known ??= await look(signal))

  return {
    server,
    async ask(method, path, body, signal) {
      const { official } = await server(signal)
      const answer = await attempt(official ? overClient : overHttp, method, path, body, signal)
      if (typeof answer.body === 'object' && answer.body !== null) return answer.body
      throw new StoreUnavailableError(`what answers at ${url.host} is no Elasticsearch: its answer is no JSON`)
    },
    async close() {
      await Promise.all([client.close(), pool.destroy()])
    },
  }
}

function authorizationOf({ username, password, apiKey }: ConnectionOptions, url: URL): string | null {
  if (apiKey !== '') return `ApiKey ${apiKey}`
  const [name, secret] =
    username !== '' ? [username, password] : [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  return name === '' ? null : `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`
}

/** A version that cannot be seen, as behind a proxy, is asked over plain HTTP, which all of them understand. */
function recognise(product: string | undefined, body: unknown): Server {
  const { version } = (body ?? {}) as { version?: { number?: unknown; distribution?: unknown } }
  const number = typeof version?.number === 'string' ? version.number : '0.0.0'
  if (version?.distribution === 'opensearch') return { distribution: 'opensearch', version: number, official: false }
  const [major = 0, minor = 0] = number.split('.').map(Number)
  const official = product === 'Elasticsearch' && (major > 7 || (major === 7 && minor >= 14))
  return { distribution: 'elasticsearch', version: number, official }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body) {
    size += part.length
    if (size > MOST_BYTES) throw new TooWideError(`the answer of Elasticsearch is larger than ${MOST_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text.slice(0, 200)
  }
}

interface ErrorBody {
  readonly error?: {
    readonly type?: string
    readonly reason?: string
    readonly root_cause?: readonly { readonly type?: string; readonly reason?: string }[]
    readonly caused_by?: { readonly type?: string; readonly reason?: string }
  }
}

/** Types of errors, or parts of their texts, that a narrower question does not meet. */
const TOO_WIDE =
  /too_many|circuit_breaking|too_complex|Determinizing|Result window is too large|maxClauseCount|allow_expensive_queries/

function errorOf({ status, body }: Answer): Error {
  const { error } = ((typeof body === 'object' ? body : null) as ErrorBody & { error?: ErrorBody['error'] }) ?? {}
  const causes = [...(error?.root_cause ?? []), error?.caused_by, error]
  const first = causes.find(
    (cause) => cause?.reason !== undefined && cause.reason !== '' && cause.reason !== 'all shards failed',
  )
  const reason = `${first?.type ?? 'error'}: ${first?.reason ?? 'it says nothing more'}`.slice(0, 500)
  if (status === 401) return new StoreUnavailableError(`Elasticsearch refuses the credentials (401): ${reason}`)
  if (status === 403) return new StoreUnavailableError(`Elasticsearch does not let this user read (403): ${reason}`)
  if (causes.some((cause) => TOO_WIDE.test(`${cause?.type} ${cause?.reason}`))) {
    return new TooWideError(`Elasticsearch refuses so much work: ${reason}`)
  }
  // Without a reason of its own it is something else that answers, such as a proxy.
  if (status === 400 && first !== undefined) {
    const cure = "ask in other words; if every question fails, the index's mapping is none for Tyk's documents"
    return new ProblemError(400, 'bad_request', `Elasticsearch refuses the question: ${reason}`, cure)
  }
  return new StoreUnavailableError(`Elasticsearch answers ${status}: ${reason}`)
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // An AggregateError of a name with several addresses has no text of its own.
  const { errors: several, code } = error as { errors?: readonly Error[]; code?: string }
  return error.message || several?.[0]?.message || code || error.name
}
