import type { Readable } from 'node:stream'
import type { Socket } from 'node:net'
import type { UpstreamTarget } from './upstream-url.ts'

/** One request as it is to appear at the upstream. */
export interface UpstreamRequest {
  readonly target: UpstreamTarget
  readonly method: string
  /** Encoded path with query. */
  readonly path: string
  /** Flat name, value list, `Host` first; without framing headers. */
  readonly headers: readonly string[]
  /** null: no body. */
  readonly body: Readable | null
  /** Body length in bytes, -1 when unknown (sent chunked). Ignored without a body. */
  readonly contentLength: number
  /** Milliseconds to connect, and then again to wait for response headers; 0: no limit. */
  readonly timeoutMs: number
  /** An upgrade: the connection is handed over when the upstream answers 101. */
  readonly upgrade: boolean
}

/** What became of a request. Exactly one of `onEnd`, `onUpgrade` and `onError` is called last. */
export interface ExchangeHandler {
  /**
   * @param headers - Flat name, value list as the upstream sent it.
   * @param statusLine - As the upstream sent it, e.g. `HTTP/1.1 200 OK`.
   */
  onHead(status: number, headers: string[], statusLine: string): void
  /**
   * @param onWritten - For a chunk whose memory can be given back early: what to call once it was written or with what
   *   went wrong. Never calling it leaves the memory to the collector.
   * @param isLast - `onEnd` follows before anything else can happen.
   * @returns False to pause until `Exchange.resume`.
   */
  onData(chunk: Buffer, onWritten?: (err?: Error | null) => void, isLast?: boolean): boolean
  /** @param trailers - Flat name, value list. */
  onEnd(trailers: string[]): void
  onUpgrade(headers: string[], socket: Socket, head: Buffer): void
  /** Called at most once, also after `onHead`, when the response was cut short. */
  onError(error: UpstreamError): void
}

export interface Exchange {
  resume(): void
  /** Cancels the request at the upstream; the handler is not called any more. */
  abort(): void
}

/** Sends requests to upstreams. Lanes differ in how; what the client and the upstream see must not differ. */
export interface UpstreamTransport {
  exchange(request: UpstreamRequest, handler: ExchangeHandler): Exchange
  close(): Promise<void>
}

/** `timeout`: no response headers in time; `deadline`: the exchange as a whole took too long. */
export type UpstreamFailure =
  'lookup' | 'connect' | 'dial-timeout' | 'timeout' | 'deadline' | 'reset' | 'malformed' | 'body' | 'tls'

/** The upstream could not be reached, or failed before or in its answer. */
export class UpstreamError extends Error {
  readonly code = 'GATEWAY_UPSTREAM'
  readonly failure: UpstreamFailure
  constructor(failure: UpstreamFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}
