import { AbortScope } from '../../abort-scope.ts'
import { SinkUnavailableError } from '../../errors.ts'
import type { Log } from '../../log/log.ts'
import { OncePerInterval } from '../../log/once-per-interval.ts'
import { createDetection } from './detection.ts'
import { type Ask, type Asked, askInTurn, createNodePool } from './nodes.ts'
import type { Server } from './server.ts'
import type { NodeAddress, Settings } from './settings.ts'
import { type NodeAnswer, type NodeRequest, NotServedError } from './transport.ts'
import { createTransports } from './transports.ts'
import { isWrongMediaType } from './verdicts.ts'

const LOOK_TIMEOUT_MS = 10_000
const FAILURE_LOG_INTERVAL_MS = 30_000

type BuildRequest = (server: Server) => NodeRequest

/** The way to the cluster, whichever client, node and server version it takes. */
export interface Connection {
  /**
   * Sends to one node, and to the next when the first fails: ids make a repeated write harmless.
   *
   * @throws SinkUnavailableError when no node answered.
   * @throws SinkRefusedError when the credentials are not accepted.
   */
  send(build: BuildRequest, signal: AbortSignal): Promise<NodeAnswer>
  /** What is known of the server, with the same errors as `send`. */
  server(): Promise<Server>
  /** How often the server was lost so far: it may be another one, or emptied, since. */
  readonly outages: number
  /** Looks at the server again, with the same errors as `send`. */
  check(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Nothing is sent before the first use, so a cluster that is away never holds up the start. */
export function createConnection(settings: Settings, log: Log, now: () => number = Date.now): Connection {
  const pool = createNodePool(settings.seeds, now)
  const transports = createTransports(settings)
  const failureLog = new OncePerInterval(FAILURE_LOG_INTERVAL_MS, now)
  const closing = new AbortController()
  let outages = 0

  const lost = (): void => {
    outages += 1
    detection.set(null)
  }

  /** An outage is one line now and then, not one per attempt. What is known of the server may be outdated after it. */
  const askNodes = async (ask: Ask, signal: AbortSignal): Promise<Asked> => {
    try {
      const asked = await askInTurn(pool, ask, signal)
      if (asked.busy) lost()
      return asked
    } catch (cause) {
      if (signal.aborted) throw new SinkUnavailableError('write to Elasticsearch aborted', { cause })
      lost()
      const message = `Elasticsearch connection failed: ${cause instanceof Error ? cause.message : String(cause)}`
      failureLog.run((repeated) => log.error(repeated > 0 ? { repeated } : {}, message))
      throw new SinkUnavailableError(message, { cause })
    }
  }

  const get = async (path: string, node: NodeAddress): Promise<NodeAnswer> => {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)])
    return (await transports.of(node, false)).send({ method: 'GET', path, body: null, contentType: null }, signal)
  }

  const detection = createDetection({
    settings,
    pool,
    log,
    now,
    get,
    askNodes: (ask) => askNodes(ask, closing.signal),
  })

  /** Null when the official client does not work with this server. */
  const sendOfficially = async (node: NodeAddress, request: NodeRequest, signal: AbortSignal) => {
    try {
      const answer = await (await transports.of(node, true)).send(request, signal)
      return answer.status === 406 || isWrongMediaType(answer) ? null : answer
    } catch (cause) {
      if (cause instanceof NotServedError) return null
      throw cause
    }
  }

  const sendTo = async (node: NodeAddress, server: Server, build: BuildRequest, signal: AbortSignal) => {
    if (server.official) {
      const answer = await sendOfficially(node, build(server), signal)
      if (answer) return answer
      log.warn('the Elasticsearch client does not work with this server, plain HTTP is used')
      detection.set({ ...server, official: false })
    }
    return (await transports.of(node, false)).send(build(server), signal)
  }

  return {
    async send(build, callerSignal) {
      const scope = new AbortScope([callerSignal, closing.signal])
      const { signal } = scope
      try {
        const server = await untilAborted(() => detection.current(), signal)
        return (await askNodes((node) => sendTo(node, server, build, signal), signal)).answer
      } finally {
        scope.end()
      }
    },
    server: () => untilAborted(() => detection.current(), closing.signal),
    get outages() {
      return outages
    },
    async check(signal) {
      await untilAborted(() => detection.look(), AbortSignal.any([signal, closing.signal]))
    },
    async close() {
      closing.abort()
      await transports.close()
    },
  }
}

/** The look at the server is shared and goes on; only this caller stops waiting for it. */
export async function untilAborted<T>(work: () => Promise<T> | T, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(new SinkUnavailableError('write to Elasticsearch aborted'))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race(signal.aborted ? [aborted] : [work(), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
