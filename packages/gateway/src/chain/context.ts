// Hot path.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import { clientAddress } from '../client-ip.ts'
import type { Session } from '../session/session.ts'
import { headerListFromRaw, type HeaderList } from './headers.ts'

/** What `$tyk_context.*` can hold: text, numbers, lists and parsed JSON of a token's claims. */
export type ContextValue = unknown

/**
 * What one request carries through the chain. One shape: every field is set here, null or empty for "not yet".
 *
 * Text that came from the client (paths, header values, query) is a byte string: one UTF-16 unit per byte.
 */
export class RequestContext {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly api: CompiledApi
  /** `performance.now()` when the request entered the server. */
  readonly startedMs: number
  /** The client's decoded path, before any change. */
  readonly originalPath: string
  /** TCP peer, IPv4-mapped addresses as IPv4. */
  readonly peerIp: string
  /** By X-Real-IP, X-Forwarded-For and `xff_depth`; may be empty. */
  readonly clientIp: string
  method: string
  /** Path as received, still percent-encoded, without query. Steps that change the path change both forms. */
  rawPath: string
  /** Decoded path, listen path included until the proxy step strips it. */
  path: string
  /** Query without `?`, byte for byte. */
  query: string
  readonly bareQuestionMark: boolean
  /** The client's Host header. */
  host: string
  readonly headers: HeaderList
  /** Headers that steps put on the client's answer, before upstream's are added. Flat name, value list. */
  readonly answerHeaders: string[]

  session: Session | null
  /** The storage token behind the session: what analytics hash into `APIKey`. */
  token: string
  /** Context variables without their `$tyk_context.` prefix; null when the API has them off. */
  variables: Map<string, ContextValue> | null
  /** Authentication is skipped: the path is on the API's ignored list. */
  authIgnored: boolean
  /** Version name as the client gave it; empty when it named none. */
  versionName: string
  trackedPath: string | null
  doNotTrack: boolean

  /** The body a step has read and put back, in place of the request's own; null: still on the connection. */
  body: Readable | null
  /** The form that came as the body, when a step has read it. */
  formBody: string | null
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean
  /** Decoded path sent upstream; null before the proxy step. */
  upstreamPath: string | null
  /** Milliseconds until the upstream's response headers; 0 when it never answered. */
  upstreamMs: number
  recorded: boolean

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    api: CompiledApi,
    startedMs: number,
    target: RequestTarget,
    peerIp: string,
    xffDepth: number,
    expectsContinue: boolean,
  ) {
    this.request = request
    this.response = response
    this.api = api
    this.startedMs = startedMs
    this.originalPath = target.path
    this.peerIp = peerIp
    this.method = request.method ?? 'GET'
    this.rawPath = target.rawPath
    this.path = target.path
    this.query = target.query
    this.bareQuestionMark = target.bareQuestionMark
    this.host = target.host
    this.headers = headerListFromRaw(request.rawHeaders)
    this.clientIp = clientAddress(this.headers.get('X-Real-Ip'), this.headers.get('X-Forwarded-For'), xffDepth, peerIp)
    this.answerHeaders = []
    this.session = null
    this.token = ''
    this.variables = null
    this.authIgnored = false
    this.versionName = ''
    this.trackedPath = null
    this.doNotTrack = false
    this.body = null
    this.formBody = null
    this.expectsContinue = expectsContinue
    this.upstreamPath = null
    this.upstreamMs = 0
    this.recorded = false
  }
}

/** The request target taken apart once, before routing. */
export interface RequestTarget {
  readonly rawPath: string
  readonly path: string
  readonly query: string
  /** The target ended in a `?` with nothing behind it, which the upstream is to see as well. */
  readonly bareQuestionMark: boolean
  readonly host: string
}
