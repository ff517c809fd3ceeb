// Hot path.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { PassingMessages } from '../analytics/detailed-recording/index.ts'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import { clientAddress } from '../client-ip.ts'
import type { ErrorRow } from '../errors/catalogue.ts'
import type { UpstreamError } from '../proxy/transport.ts'
import type { UpstreamTarget, UpstreamUrlRules } from '../proxy/upstream-url.ts'
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
  /** null: this request has not been counted in a quota. */
  quota: RequestQuota | null
  /** The storage token behind the session: what analytics hash into `APIKey`. */
  token: string
  /** Context variables without their `$tyk_context.` prefix; null when the API has them off. */
  variables: Map<string, ContextValue> | null
  /** Those of a token, which all its requests share; see `addClaims`. */
  claims: ReadonlyMap<string, ContextValue> | null
  /** Variables that the triggers of a rewrite have set, by their names from `trigger-`; null: none. */
  triggerVariables: Map<string, string> | null
  /** Authentication is skipped: the path is on the API's ignored list. */
  authIgnored: boolean
  /** Version name as the client gave it; empty when it named none. */
  versionName: string
  /** Index of the version that serves the request in `servedVersions`; 0 for an API without versions. */
  versionIndex: number
  /** Where the request goes: the API's target, or that of its version. */
  upstream: UpstreamUrlRules
  trackedPath: string | null
  doNotTrack: boolean

  /** The body a step has read and put back, in place of the request's own; null: still on the connection. */
  body: Readable | null
  /** The form that came as the body, when a step has read it. */
  formBody: string | null
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean
  /** The URL that a step has put in place of the client's; it takes effect when the request goes upstream. */
  rewrite: RewrittenUrl | null
  /** The method that a step has put in place of the client's; it takes effect when the request goes upstream. */
  upstreamMethod: string | null
  /** X-Forwarded-For is in a delete list of the API: the proxy does not add it either. */
  omitForwardedFor: boolean
  /** Decoded path sent upstream; null before the proxy step. */
  upstreamPath: string | null
  /** Milliseconds until the upstream's response headers; 0 when it never answered. */
  upstreamMs: number
  /** Request and answer as the record is to hold them; null: it holds neither. */
  messages: PassingMessages | null
  /** Why the gateway answered itself, for the access log; null: it did not. */
  failure: ErrorRow | UpstreamError | null
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
    this.quota = null
    this.token = ''
    this.variables = null
    this.claims = null
    this.triggerVariables = null
    this.authIgnored = false
    this.versionName = ''
    this.versionIndex = 0
    this.upstream = api.upstream
    this.trackedPath = null
    this.doNotTrack = false
    this.body = null
    this.formBody = null
    this.expectsContinue = expectsContinue
    this.rewrite = null
    this.upstreamMethod = null
    this.omitForwardedFor = false
    this.upstreamPath = null
    this.upstreamMs = 0
    this.messages = null
    this.failure = null
    this.recorded = false
  }
}

/** What this request's own count of the quota was. The session object is shared by requests and keeps older figures. */
export interface RequestQuota {
  readonly max: number
  readonly remaining: number
  /** Unix seconds. */
  readonly renews: number
}

/** A URL as a step has rewritten it. */
export interface RewrittenUrl {
  /** Encoded and decoded path, without query. */
  readonly rawPath: string
  readonly path: string
  readonly query: string
  /** Another host: the request goes there with this path as it is. null: to the API's upstream. */
  readonly target: UpstreamTarget | null
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
