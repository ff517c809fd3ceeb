/**
 * The answers of the JSON API below `/api/v1`: the schemas that Fastify checks and writes by, the OpenAPI document and
 * the types of server and page.
 */
import { type Static, Type } from 'typebox'

const Count = Type.Integer({ minimum: 0 })
const Time = Type.String({ format: 'date-time', description: 'UTC, milliseconds' })
const MaybeTime = Type.Union([Time, Type.Null()])
/** Milliseconds; null where no record says it. */
const Ms = Type.Union([Type.Number(), Type.Null()])

/** The time range that an answer is about, resolved from words such as `now-15m`. */
export const Range = Type.Object({ from: Time, to: Time, bucketMs: Type.Integer({ minimum: 1 }) })
export type Range = Static<typeof Range>

/** Which part of the truth an answer is. `partial` says why numbers may be too small. */
export const Quality = Type.Object({
  partial: Type.Union([Type.String(), Type.Null()]),
  tookMs: Type.Number(),
})
export type Quality = Static<typeof Quality>

/** Requests by status class; `other` is a code outside 100 to 599. */
export const StatusCounts = Type.Object({
  '1xx': Count,
  '2xx': Count,
  '3xx': Count,
  '4xx': Count,
  '5xx': Count,
  other: Count,
})
export type StatusCounts = Static<typeof StatusCounts>

/**
 * Of n values in ascending order, the one at rank max(1, floor(p * n + 0.5)), counted from 1: no value between two that
 * occur. It is what Elasticsearch's HDR histogram gives, so both stores can say the same.
 */
export const Percentiles = Type.Object({ p50: Ms, p95: Ms, p99: Ms })
export type Percentiles = Static<typeof Percentiles>

export const Numbers = Type.Object({
  requests: Count,
  clientErrors: Count,
  serverErrors: Count,
  p95Ms: Ms,
  /** Distinct aliases or, without one, keys. */
  consumers: Count,
})
export type Numbers = Static<typeof Numbers>

/** One bucket of the range; buckets without a record are absent. */
export const TrafficBucket = Type.Object({ time: Time, counts: StatusCounts })
export type TrafficBucket = Static<typeof TrafficBucket>

/** `gateway` and `upstream` are null where the store does not keep them. */
export const LatencyBucket = Type.Object({
  time: Time,
  total: Percentiles,
  gateway: Type.Union([Percentiles, Type.Null()]),
  upstream: Type.Union([Percentiles, Type.Null()]),
})
export type LatencyBucket = Static<typeof LatencyBucket>

export const TopValue = Type.Object({
  /** As the store has it; the empty text stands for none. */
  value: Type.String(),
  count: Count,
  clientErrors: Count,
  serverErrors: Count,
  p95Ms: Ms,
})
export type TopValue = Static<typeof TopValue>

export const TopTable = Type.Object({ field: Type.String(), values: Type.Array(TopValue), others: Count })
export type TopTable = Static<typeof TopTable>

/** When a gateway had reloaded its configuration, and whether that worked. */
export const Reload = Type.Object({ time: Time, worked: Type.Boolean() })
export type Reload = Static<typeof Reload>

/** Overview: five numbers, the same for the equal range before, both charts, and the top of each field. */
export const Overview = Type.Object({
  range: Range,
  numbers: Numbers,
  before: Numbers,
  traffic: Type.Array(TrafficBucket),
  latency: Type.Array(LatencyBucket),
  top: Type.Array(TopTable),
  /** Oldest first; none where Redis is not configured or does not answer. */
  reloads: Type.Array(Reload),
  quality: Quality,
})
export type Overview = Static<typeof Overview>

/** One request, with the document's field names; values are texts, numbers, booleans, lists of texts or null. */
export const RequestRow = Type.Object({
  id: Type.String(),
  fields: Type.Record(
    Type.String(),
    Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String()), Type.Null()]),
  ),
})
export type RequestRow = Static<typeof RequestRow>

export const Requests = Type.Object({
  range: Range,
  total: Type.Object({ value: Count, exact: Type.Boolean() }),
  traffic: Type.Array(TrafficBucket),
  rows: Type.Array(RequestRow),
  /** Goes into `after` for the next page; null at the end. */
  next: Type.Union([Type.String(), Type.Null()]),
  quality: Quality,
})
export type Requests = Static<typeof Requests>

/** A raw HTTP message, decoded. `text` is null when its bytes are no UTF-8; `base64` then has them. */
export const RawMessage = Type.Object({
  sizeBytes: Count,
  truncated: Type.Boolean(),
  text: Type.Union([Type.String(), Type.Null()]),
  base64: Type.Union([Type.String(), Type.Null()]),
})
export type RawMessage = Static<typeof RawMessage>

export const RequestDetail = Type.Object({
  row: RequestRow,
  rawRequest: Type.Union([RawMessage, Type.Null()]),
  rawResponse: Type.Union([RawMessage, Type.Null()]),
})
export type RequestDetail = Static<typeof RequestDetail>

export const ErrorGroup = Type.Object({
  apiId: Type.String(),
  apiName: Type.String(),
  apiVersion: Type.String(),
  /** The path with ids, numbers and hashes as `{id}`. */
  pathPattern: Type.String(),
  code: Type.Integer(),
  /** What a gateway means by the code; an upstream may mean something else. */
  reason: Type.String(),
  /** `unknown` where the store does not keep the upstream's time. */
  madeBy: Type.Union([Type.Literal('gateway'), Type.Literal('upstream'), Type.Literal('unknown')]),
  count: Count,
  /** Of all requests of this API in the range, 0 to 1. */
  shareOfApi: Type.Number(),
  firstSeen: Time,
  lastSeen: Time,
  consumers: Count,
  /** Counts in the buckets of the range, from its first to its last. */
  sparkline: Type.Array(Count),
  /** Id of one such request. */
  example: Type.String(),
})
export type ErrorGroup = Static<typeof ErrorGroup>

export const Errors = Type.Object({
  range: Range,
  groups: Type.Array(ErrorGroup),
  /** Failed requests that are in no group, because there are more groups than are shown. */
  others: Count,
  quality: Quality,
})
export type Errors = Static<typeof Errors>

export const Country = Type.Object({
  /** ISO 3166-1 alpha-2; the empty text stands for unknown. */
  iso: Type.String(),
  count: Count,
  clientErrors: Count,
  serverErrors: Count,
  p95Ms: Ms,
})
export type Country = Static<typeof Country>

export const Countries = Type.Object({
  range: Range,
  /** Whether the store keeps countries at all. */
  available: Type.Boolean(),
  countries: Type.Array(Country),
  quality: Quality,
})
export type Countries = Static<typeof Countries>

const SinkState = Type.Object({
  name: Type.String(),
  type: Type.String(),
  state: Type.String({ description: 'as /ready of the pump says it' }),
  lastError: Type.Union([Type.String(), Type.Null()]),
  delivered: Count,
  filtered: Count,
  retried: Count,
  dead: Count,
  dropped: Count,
  pending: Count,
  oldestPendingSeconds: Type.Union([Type.Number(), Type.Null()]),
})

/** Each part is null where its program is not configured or does not answer; `problems` says which and why. */
export const Pipeline = Type.Object({
  range: Range,
  newestRecord: MaybeTime,
  sinks: Type.Union([Type.Array(SinkState), Type.Null()]),
  lists: Type.Union([Type.Array(Type.Object({ name: Type.String(), length: Count })), Type.Null()]),
  ledger: Type.Union([
    Type.Object({
      counted: Count,
      sinks: Type.Array(
        Type.Object({
          name: Type.String(),
          delivered: Count,
          filtered: Count,
          dead: Count,
          dropped: Count,
          pending: Count,
          missing: Count,
          /** 0 to 1; null where nothing was counted for it. */
          completeness: Type.Union([Type.Number(), Type.Null()]),
        }),
      ),
    }),
    Type.Null(),
  ]),
  problems: Type.Array(Type.Object({ part: Type.String(), message: Type.String(), cure: Type.String() })),
})
export type Pipeline = Static<typeof Pipeline>

export const FieldInfo = Type.Object({
  name: Type.String(),
  kind: Type.Union([
    Type.Literal('keyword'),
    Type.Literal('text'),
    Type.Literal('number'),
    Type.Literal('date'),
    Type.Literal('list'),
    Type.Literal('boolean'),
  ]),
  doc: Type.String(),
  /** Whether this store keeps it. */
  available: Type.Boolean(),
})
export type FieldInfo = Static<typeof FieldInfo>

export const About = Type.Object({
  version: Type.String(),
  store: Type.Object({
    kind: Type.Union([Type.Literal('sqlite'), Type.Literal('elasticsearch')]),
    /** The file or the index, without credentials. */
    target: Type.String(),
    state: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('down')]),
    error: Type.Union([Type.String(), Type.Null()]),
    since: MaybeTime,
  }),
  /** Of all records; null when there is none or the store is down. */
  newestRecord: MaybeTime,
  oldestRecord: MaybeTime,
  records: Type.Union([Count, Type.Null()]),
  fields: Type.Array(FieldInfo),
  /** Address of the gateway for the curl lines of the empty state, where configured. */
  gatewayUrl: Type.Union([Type.String(), Type.Null()]),
  /** Whether the page may start and stop sample traffic, and whether it runs. */
  traffic: Type.Object({ available: Type.Boolean(), running: Type.Boolean() }),
  pipelineConfigured: Type.Boolean(),
})
export type About = Static<typeof About>

/** Completion of a value. */
export const Values = Type.Object({
  field: Type.String(),
  values: Type.Array(Type.Object({ value: Type.String(), count: Count })),
})
export type Values = Static<typeof Values>

/** Every answer with status 400 and above. */
export const Problem = Type.Object({
  code: Type.String({ description: 'query_syntax, bad_request, store_down, too_wide, not_found, unauthorised, …' }),
  message: Type.String(),
  cure: Type.String(),
  /** Of the mistake in the query line, from 0; only with query_syntax. */
  position: Type.Optional(Type.Integer({ minimum: 0 })),
})
export type Problem = Static<typeof Problem>
