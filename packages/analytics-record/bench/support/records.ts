import type { AnalyticsRecord } from '@tek/analytics-record'
import { loadVector } from '../../test/support/vectors.ts'

const AGENTS = [
  'curl/8.5.0',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
  'okhttp/5.1.0',
  'python-requests/2.32.5',
]
const VARIED = 1024

export interface Workload {
  readonly name: string
  /** A power of two of them. */
  readonly records: readonly AnalyticsRecord[]
}

/** The golden records over and over, and traffic in which paths, clients, keys and times differ from record to record. */
export function workloads(): Workload[] {
  const keyless = loadVector('msgpack', 'golden-keyless-get').record
  const jwt = loadVector('msgpack', 'golden-jwt-post').record
  return [
    { name: 'keyless GET, the same record', records: [keyless] },
    { name: 'JWT POST, the same record', records: [jwt] },
    { name: `${VARIED} different records`, records: Array.from({ length: VARIED }, (_, i) => varied(jwt, i)) },
  ]
}

export interface GatewayWorkload {
  readonly name: string
  /** Records of one client that calls one API; a power of two of them. */
  readonly inARow: readonly AnalyticsRecord[]
  /** The same, but in each second one no group of fields is what it was in the record before; texts are as long. */
  readonly inTurn: readonly AnalyticsRecord[]
  /** The same, but no two callers in a row are one. */
  readonly callersInTurn: readonly AnalyticsRecord[]
}

/** Records as requests bring them: what a client sent is text of its own in each, what the API says is shared. */
export function gatewayWorkloads(): GatewayWorkload[] {
  return ['golden-keyless-get', 'golden-jwt-post'].map((name) => {
    const base = loadVector('msgpack', name).record
    const inARow = Array.from({ length: VARIED }, (_, i) => requestOf(base, i))
    return {
      name,
      inARow,
      inTurn: inARow.map((record, i) => (i % 2 === 0 ? record : unlike(record, base))),
      callersInTurn: inARow.map((record, i) => (i % 2 === 0 ? record : ofOther(record, base))),
    }
  })
}

function requestOf(base: AnalyticsRecord, i: number): AnalyticsRecord {
  return {
    ...base,
    path: ownText(base.path),
    rawPath: ownText(base.rawPath),
    originalPath: ownText(base.originalPath),
    userAgent: ownText(base.userAgent),
    // The recorder remembers the tag of a key.
    tags: base.tags?.map((tag) => (tag.startsWith('key-') ? tag : ownText(tag))) ?? null,
    timestamp: { seconds: base.timestamp.seconds + i, nanos: 1_000_000 + i },
    expireAt: { seconds: base.expireAt.seconds + i, nanos: 1_000_000 + i },
  }
}

function unlike(record: AnalyticsRecord, base: AnalyticsRecord): AnalyticsRecord {
  return {
    ...record,
    host: otherText(base.host),
    userAgent: otherText(base.userAgent),
    hour: base.hour ^ 1,
    apiVersion: otherText(base.apiVersion),
    listenPath: otherText(base.listenPath),
    ...otherCaller(base),
  }
}

const otherCaller = ({ alias, tags }: AnalyticsRecord): Pick<AnalyticsRecord, 'alias' | 'tags'> => ({
  alias: otherText(alias),
  tags: tags?.map(otherText) ?? null,
})

const ofOther = (record: AnalyticsRecord, base: AnalyticsRecord): AnalyticsRecord => ({
  ...record,
  ...otherCaller(base),
})

const ownText = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
const otherText = (text: string): string => `${text.slice(0, -1)}~`

function varied(base: AnalyticsRecord, i: number): AnalyticsRecord {
  const id = Math.imul(i + 1, 0x9e3779b1) >>> 0
  const path = `/orders/${id}/items/${i}`
  const apiKey = id.toString(16).padStart(8, '0')
  return {
    ...base,
    path,
    rawPath: path,
    originalPath: `/shop${path}`,
    apiKey,
    userAgent: AGENTS[i % AGENTS.length]!,
    ipAddress: `10.${i & 255}.${id & 255}.${(id >> 8) & 255}`,
    timestamp: { seconds: base.timestamp.seconds + i, nanos: id % 1e9 },
    expireAt: { seconds: base.expireAt.seconds + i, nanos: id % 1e9 },
    requestTime: i,
    latency: { total: i, upstream: i >> 1, gateway: i - (i >> 1) },
    tags: ['pol-5e189590801287e42a6cf5ce', `user-${id}@bar.com`, `key-${apiKey}`, 'api-httpbin-jwt'],
    alias: `${id}@bar.com`,
  }
}

/**
 * The record as general libraries need it: keyed by wire names. Making this object from a record is not timed. It is one
 * literal, so that engines give it a fast shape.
 *
 * @param seconds - how a count of seconds beyond 32 bits is given, so that the library writes an integer.
 */
export function wireObject(r: AnalyticsRecord, seconds: (value: number) => number | bigint): object {
  return {
    Method: r.method,
    Host: r.host,
    Path: r.path,
    RawPath: r.rawPath,
    ContentLength: r.contentLength,
    UserAgent: r.userAgent,
    Day: r.day,
    Month: r.month,
    Year: r.year,
    Hour: r.hour,
    ResponseCode: r.responseCode,
    APIKey: r.apiKey,
    TimeStamp: [seconds(r.timestamp.seconds), r.timestamp.nanos],
    APIVersion: r.apiVersion,
    APIName: r.apiName,
    APIID: r.apiId,
    OrgID: r.orgId,
    OauthID: r.oauthId,
    RequestTime: r.requestTime,
    RawRequest: r.rawRequest,
    RawResponse: r.rawResponse,
    IPAddress: r.ipAddress,
    Geo: {
      Country: { ISOCode: r.geo.country.isoCode },
      City: { GeoNameID: r.geo.city.geonameId, Names: r.geo.city.names },
      Location: {
        Latitude: r.geo.location.latitude,
        Longitude: r.geo.location.longitude,
        TimeZone: r.geo.location.timeZone,
      },
    },
    Network: {
      OpenConnections: r.network.openConnections,
      ClosedConnection: r.network.closedConnections,
      BytesIn: r.network.bytesIn,
      BytesOut: r.network.bytesOut,
    },
    Latency: { Total: r.latency.total, Upstream: r.latency.upstream, Gateway: r.latency.gateway },
    Tags: r.tags,
    Alias: r.alias,
    TrackPath: r.trackPath,
    ExpireAt: [seconds(r.expireAt.seconds), r.expireAt.nanos],
    ApiSchema: r.apiSchema,
    OriginalPath: r.originalPath,
    ListenPath: r.listenPath,
    GraphQLStats: {
      Variables: '',
      RootFields: null,
      Types: null,
      Errors: null,
      OperationType: 0,
      HasErrors: false,
      IsGraphQL: false,
    },
    MCPStats: { IsMCP: false, JSONRPCMethod: '', PrimitiveType: '', PrimitiveName: '' },
    CollectionName: r.collectionName,
  }
}
