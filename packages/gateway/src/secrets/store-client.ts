import { setTimeout as sleep } from 'node:timers/promises'
import type * as Undici from 'undici'
import type { buildConnector, Dispatcher } from 'undici'
import { proxyFromEnvironment } from '../proxy/forward-proxy.ts'
import { parseTarget } from '../proxy/upstream-url.ts'
import { trustSystemRoots } from '../tls/roots.ts'
import { SecretStoreError } from './store.ts'

export interface StoreClientOptions {
  /** As messages call it. */
  readonly name: string
  /** Scheme, host and port. */
  readonly origin: string
  readonly headers: Readonly<Record<string, string>>
  /** Of one attempt, in milliseconds. */
  readonly timeoutMs: number
  /** Further attempts while the store is away or busy. */
  readonly retries: number
  /** Whether a body of status 404 is the store's own: anything between may answer so as well. */
  readonly saysMissing: (body: string) => boolean
  /** The store sends clients on to others of its kind, which then get the token. */
  readonly hasStandbys: boolean
  readonly tls?: buildConnector.BuildOptions
  /** For the proxies that it names. */
  readonly env: NodeJS.ProcessEnv
  /** Keys to look at when the store does not answer, and when it refuses. */
  readonly keys: { readonly address: string; readonly token: string }
}

/** Reads JSON from the HTTP interface of a store. */
export interface StoreClient {
  /**
   * The document at a path that begins with a slash; null when the store says that it has none.
   *
   * @throws SecretStoreError `away` or `busy` after the last attempt, or `refused`.
   */
  get(path: string): Promise<unknown>
  close(): Promise<void>
}

/** A value of Consul has at most 512 KiB, a secret of Vault 1 MiB; a folder has several. */
const MAX_BYTES = 4 * 1024 * 1024
/** Of all attempts and pauses together: whoever waits has a deadline of its own. */
const DEADLINE_MS = 45_000
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 2000
/** As many as `SecretValues` reads at the same time: whoever had to queue would lose the time for it. */
const CONNECTIONS = 8

/** The store is there and cannot answer just now: 412 is a replica that lags behind, 429 a limit of rates, 473 a standby. */
const isPassing = (status: number): boolean => status >= 500 || status === 412 || status === 429 || status === 473

export function createStoreClient(options: StoreClientOptions): StoreClient {
  const { name, origin, timeoutMs, retries, saysMissing, hasStandbys, keys } = options
  const closing = new AbortController()
  let agent: Dispatcher | null = null
  const away = (reason: string, cause: unknown): SecretStoreError => new SecretStoreError('away', reason, { cause })
  const refused = (reason: string): SecretStoreError => new SecretStoreError('refused', reason)

  async function once(path: string, deadline: AbortSignal): Promise<unknown> {
    // Loaded with the first secret: it needs 100 ms, and most gateways have none here.
    const undici = await import('undici')
    trustSystemRoots()
    agent ??= createAgent(undici, options)
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([closing.signal, deadline, timeout])
    try {
      const url = new URL(path, origin)
      const ask = (target: URL): Promise<Dispatcher.ResponseData> =>
        undici.request(target, { dispatcher: agent as Dispatcher, headers: options.headers, signal })
      return await understand(await follow(await ask(url), url, ask))
    } catch (err) {
      if (err instanceof SecretStoreError) throw err
      if (timeout.aborted || deadline.aborted)
        throw away(`${name} at ${origin} did not answer in time: check ${keys.address}`, err)
      throw away(`${name} at ${origin} does not answer (${reasonOf(err)}): check ${keys.address}`, err)
    }
  }

  /** Once, never from https to http, and to another server only where the store has standbys. */
  async function follow(
    response: Dispatcher.ResponseData,
    from: URL,
    ask: (target: URL) => Promise<Dispatcher.ResponseData>,
  ): Promise<Dispatcher.ResponseData> {
    const { location } = response.headers
    if (![301, 302, 307, 308].includes(response.statusCode) || typeof location !== 'string') return response
    await response.body.dump()
    const target = URL.canParse(location, from.href) ? new URL(location, from) : null
    if (
      target === null ||
      (target.protocol !== 'https:' && target.protocol !== from.protocol) ||
      (!hasStandbys && target.host !== from.host)
    ) {
      throw refused(`${name} at ${origin} redirects to where its token must not be sent: check ${keys.address}`)
    }
    return ask(target)
  }

  async function understand({ statusCode, body }: Dispatcher.ResponseData): Promise<unknown> {
    if (statusCode === 404) {
      const said = await readText(body)
      if (said !== null && saysMissing(said)) return null
      throw refused(`${name} at ${origin} answered 404, and not in its own form: check ${keys.address}`)
    }
    if (statusCode !== 200) {
      await body.dump()
      const answered = `${name} at ${origin} answered ${statusCode}`
      if (isPassing(statusCode)) throw new SecretStoreError('busy', answered)
      throw refused(statusCode === 401 || statusCode === 403 ? `${answered}: check ${keys.token}` : answered)
    }
    const text = await readText(body)
    if (text === null) throw refused(`${name} at ${origin} answered with more than ${MAX_BYTES} bytes`)
    try {
      return JSON.parse(text) as unknown
    } catch {
      // The message of the parser would quote what it read, secrets included.
      throw refused(`${name} at ${origin} answered with something that is not JSON: check ${keys.address}`)
    }
  }

  return {
    async get(path) {
      const deadline = AbortSignal.timeout(DEADLINE_MS)
      for (let attempt = 0; ; attempt++) {
        try {
          return await once(path, deadline)
        } catch (err) {
          const { failure } = err as SecretStoreError
          if (failure === 'refused' || attempt >= retries || deadline.aborted || closing.signal.aborted) throw err
        }
        const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2)
        await sleep(pauseMs, undefined, { signal: closing.signal }).catch(() => {})
      }
    },
    async close() {
      closing.abort()
      await agent?.destroy()
    },
  }
}

/** Takes the proxy of the environment, as Go's clients of these stores do. */
function createAgent({ Agent, ProxyAgent }: typeof Undici, { origin, tls, env }: StoreClientOptions): Dispatcher {
  const proxy = proxyFromEnvironment(env)(parseTarget(origin))
  if (proxy === null) return new Agent({ connections: CONNECTIONS, ...(tls === undefined ? {} : { connect: tls }) })
  const { scheme, hostname, port, authorization } = proxy
  return new ProxyAgent({
    uri: `${scheme}://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`,
    connections: CONNECTIONS,
    ...(authorization === null ? {} : { token: authorization }),
    ...(tls === undefined ? {} : { requestTls: tls }),
  })
}

/** Null when it is too long. */
async function readText(body: AsyncIterable<Uint8Array>): Promise<string | null> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_BYTES) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const reasonOf = (err: unknown): string => {
  const { code, message } = err as NodeJS.ErrnoException
  return code ?? message
}
