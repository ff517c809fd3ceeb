// Hot path.
import {
  emptyGeo,
  type AnalyticsRecord,
  type GraphqlStats,
  type McpStats,
  type NetworkStats,
} from '@tek/analytics-record'
import { hashKey } from '../auth/key-hash.ts'
import type { RequestContext } from '../chain/context.ts'
import { stripListenPath } from '../proxy/upstream-url.ts'
import { toByteString } from '../byte-string.ts'
import type { RecordClock } from './clock.ts'
import { BodyMemory, PassingMessages, wantsDetail } from './detailed-recording/index.ts'
import type { GeoLookup } from './geo/index.ts'

export interface RecorderOptions {
  readonly enabled: boolean
  readonly hashKeys: boolean
  readonly ignoredIps: ReadonlySet<string>
  /** Tags of a segmented node, before the key's. */
  readonly nodeTags: readonly string[]
  readonly normalisePath: ((path: string) => string) | null
  /** Place of a client's address; null: not looked up. */
  readonly geo: GeoLookup | null
  /** Bytes of each body that detailed recording keeps. */
  readonly maxRecordedBodyBytes: number
  /** Gives each record an instant of its own. */
  readonly clock: RecordClock
  /** Where records go: one push, never a wait. */
  push(record: AnalyticsRecord): void
}

/** Makes the one record of a request, at its end. */
export interface Recorder {
  /** The chain is over: decides about detailed recording, before a body flows. A second call changes nothing. */
  begin(ctx: RequestContext): void
  /** A proxied answer, with any status. */
  success(ctx: RequestContext, status: number): void
  /** An answer the gateway made because something failed. */
  error(ctx: RequestContext, status: number): void
  /** Resolves when every record made so far was handed on; those with messages take a moment. */
  drain(): Promise<void>
}

// Zero values that REST records share; nobody changes a record after it was made.
const NO_GEO = Object.freeze(emptyGeo())
const NO_NETWORK: NetworkStats = Object.freeze({ openConnections: 0, closedConnections: 0, bytesIn: 0, bytesOut: 0 })
const NO_GRAPHQL: GraphqlStats = Object.freeze({
  variables: '',
  rootFields: null,
  types: null,
  errors: null,
  operationType: 0,
  hasErrors: false,
  isGraphql: false,
})
const NO_MCP: McpStats = Object.freeze({ isMcp: false, jsonrpcMethod: '', primitiveType: '', primitiveName: '' })

/** Bytes of bodies that detailed recording holds at one time, all requests together. */
const MAX_HELD_BYTES = 64 * 1024 * 1024

export function createRecorder(options: RecorderOptions): Recorder {
  const { clock } = options
  const unfinished = new Set<Promise<void>>()
  const bodyMemory = new BodyMemory(Math.max(MAX_HELD_BYTES, 2 * options.maxRecordedBodyBytes))

  const tracked = (ctx: RequestContext): boolean =>
    options.enabled &&
    ctx.api.analytics.tracked &&
    !ctx.doNotTrack &&
    !ctx.recorded &&
    !options.ignoredIps.has(ctx.clientIp)

  // All that a request pays for its record: 0.3 µs without a key, 0.4 µs with one whose hash is remembered, 0.5 µs with
  // more tags, and 20 ns for the push to the writer (Node 24, bench/recorder.bench.ts).
  const record = (ctx: RequestContext, status: number, base: string, upstreamMs: number): void => {
    ctx.recorded = true
    const { analytics } = ctx.api
    const endedMs = performance.now()
    const timestamp = clock.at(endedMs)
    const local = clock.localHour(timestamp)
    const totalMs = Math.trunc(endedMs - ctx.startedMs)
    const upstream = Math.min(Math.trunc(upstreamMs), totalMs)
    const apiKey = options.hashKeys ? hashKey(ctx.token) : ctx.token
    const rawPath = withSlash(base)
    const path = ctx.trackedPath ?? rawPath
    const made: AnalyticsRecord = {
      method: ctx.upstreamMethod ?? ctx.method,
      host: hostOf(ctx),
      path: withSlash(options.normalisePath === null ? path : options.normalisePath(path)),
      rawPath,
      contentLength: contentLengthOf(ctx),
      userAgent: ctx.headers.get('User-Agent') ?? '',
      day: local.day,
      month: local.month,
      year: local.year,
      hour: local.hour,
      responseCode: status,
      apiKey,
      timestamp,
      apiVersion: ctx.versionName === '' ? 'Non Versioned' : ctx.versionName,
      apiName: analytics.apiName,
      apiId: analytics.apiId,
      orgId: analytics.orgId,
      oauthId: toByteString(ctx.session?.oauth_client_id ?? ''),
      requestTime: totalMs,
      rawRequest: '',
      rawResponse: '',
      ipAddress: ctx.clientIp,
      geo: options.geo?.find(ctx.clientIp) ?? NO_GEO,
      network: NO_NETWORK,
      latency: { total: totalMs, upstream, gateway: totalMs - upstream },
      tags: tagsOf(ctx, apiKey, options.nodeTags),
      alias: toByteString(ctx.session?.alias ?? ''),
      trackPath: ctx.trackedPath !== null,
      expireAt: { seconds: timestamp.seconds + analytics.expireAfterSeconds, nanos: timestamp.nanos },
      apiSchema: '',
      originalPath: ctx.originalPath,
      listenPath: analytics.listenPath,
      graphqlStats: NO_GRAPHQL,
      mcpStats: NO_MCP,
      collectionName: '',
    }
    if (ctx.messages === null) options.push(made)
    else pushWithMessages(made, ctx.messages)
  }

  const pushWithMessages = (made: AnalyticsRecord, messages: PassingMessages): void => {
    const pushed = messages
      .finish()
      // A record without its messages is better than none.
      .then(
        (recorded) => options.push({ ...made, ...recorded }),
        () => options.push(made),
      )
      .finally(() => unfinished.delete(pushed))
    unfinished.add(pushed)
  }

  return {
    begin(ctx) {
      if (ctx.messages !== null || !wantsDetail(ctx) || !tracked(ctx)) return
      ctx.messages = new PassingMessages(ctx, options.maxRecordedBodyBytes, bodyMemory)
    },
    success(ctx, status) {
      if (tracked(ctx)) record(ctx, status, ctx.upstreamPath ?? ctx.path, ctx.upstreamMs)
    },
    error(ctx, status) {
      if (tracked(ctx)) record(ctx, status, errorPath(ctx), 0)
    },
    async drain() {
      await Promise.all(unfinished)
    },
  }
}

let lastKey = ''
let lastKeyTag = ''

/** One and the same text for keys in a row: a text that was just put together is copied once more where it is written. */
function keyTagOf(apiKey: string): string {
  if (apiKey !== lastKey) {
    lastKey = apiKey
    lastKeyTag = `key-${apiKey}`
  }
  return lastKeyTag
}

/** Tyk strips the listen path from the upstream path once more when the proxy step failed. */
function errorPath(ctx: RequestContext): string {
  const path = ctx.upstreamPath ?? ctx.path
  return ctx.api.definition.proxy.strip_listen_path ? stripListenPath(path, ctx.api.upstream.listenPath) : path
}

/** The host a request went to, or would have. */
function hostOf(ctx: RequestContext): string {
  const elsewhere = ctx.rewrite?.target ?? null
  if (elsewhere !== null) return toByteString(elsewhere.authority)
  return ctx.upstream === ctx.api.upstream ? ctx.api.analytics.host : toByteString(ctx.upstream.target.authority)
}

const withSlash = (path: string): string => (path.charCodeAt(0) === 0x2f ? path : `/${path}`)

function contentLengthOf(ctx: RequestContext): number {
  if (ctx.request.headers['transfer-encoding'] !== undefined) return -1
  const length = ctx.request.headers['content-length']
  return length === undefined ? 0 : Number(length)
}

function tagsOf(ctx: RequestContext, apiKey: string, nodeTags: readonly string[]): string[] {
  const { analytics } = ctx.api
  const { session } = ctx
  const tags: string[] = []
  if (session !== null) {
    for (const policy of session.apply_policies ?? []) tags.push(`pol-${toByteString(policy)}`)
    const developer = session.meta_data?.['tyk_developer_id']
    if (typeof developer === 'string') tags.push(`dev-${toByteString(developer)}`)
    for (const tag of session.tags ?? []) tags.push(toByteString(tag))
  }
  for (const { header, prefix } of analytics.tagHeaders) {
    for (const value of ctx.headers.getAll(header)) tags.push(prefix + value)
  }
  for (const tag of analytics.tags) tags.push(tag)
  for (const tag of nodeTags) tags.push(tag)
  if (apiKey !== '') tags.push(keyTagOf(apiKey))
  for (const tag of analytics.closingTags) tags.push(tag)
  return tags
}
