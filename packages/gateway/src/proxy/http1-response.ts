// Hot path.
import type { Socket } from 'node:net'

/** What Node's own `writeHead` and `end` work with; HTTP/2 responses have none of it. */
export interface Http1Response {
  /** null: not made yet. */
  _header: string | null
  _headerSent: boolean
  /** False after a HEAD, and for a status that has no body. */
  readonly _hasBody: boolean
  /** The client waits for a 100. */
  readonly _expect_continue: boolean
  readonly outputData: readonly unknown[]
  readonly chunkedEncoding: boolean
  readonly shouldKeepAlive: boolean
  readonly socket: (Socket & { readonly _httpMessage?: unknown }) | null
  finished: boolean
  statusCode: number
  statusMessage: string
  _finish(): void
}
