// Hot path.
import { RECORD_FIELDS, type AnalyticsRecord } from '../record.ts'
import {
  isZeroGeo,
  isZeroGraphql,
  isZeroMcp,
  isZeroNetwork,
  writeGeo,
  writeGraphql,
  writeMcp,
  writeNetwork,
} from './encode-nested.ts'
import { LATENCY_KEYS, ZERO_GEO, ZERO_GRAPHQL, ZERO_MCP, ZERO_NETWORK } from './layout.ts'
import { byteRun, key, raw, type ByteRun } from './runs.ts'
import {
  RepeatedFields,
  type ApiFields,
  type Caller,
  type Client,
  type Hour,
  type Names,
  type Tail,
  type Target,
} from './repeated-fields.ts'
import { MAX_KEPT_BYTES, MsgpackWriter } from './writer.ts'

export interface EncodeOptions {
  /**
   * What the record's texts are. `utf8` (default): text, written as UTF-8. `bytes`: byte strings, each UTF-16 unit one
   * byte from 0 to 255, written as they are; header values and decoded paths need not be valid UTF-8.
   */
  readonly text?: 'utf8' | 'bytes'
  /** The bytes of a record are good until the next one is encoded, in the same memory: for those who copy them. */
  readonly reuse?: boolean
}

export interface RecordEncoder {
  /**
   * Encodes one record. The bytes are a view into a chunk that up to a hundred records share and that is never
   * written again: no copy is made, and the view may be kept. With `reuse` it may not.
   *
   * @throws RecordEncodeError when a value has no wire form.
   */
  encode(record: AnalyticsRecord): Buffer
}

const wire = (name: keyof AnalyticsRecord): Buffer => key(RECORD_FIELDS.find((row) => row.name === name)!.wire)
const keyRun = (name: keyof AnalyticsRecord): ByteRun => byteRun(wire(name))

const METHOD = byteRun(raw(0xde, 0, RECORD_FIELDS.length), wire('method'))
const HOST = keyRun('host')
const PATH = keyRun('path')
const RAW_PATH = keyRun('rawPath')
const CONTENT_LENGTH = keyRun('contentLength')
const USER_AGENT = keyRun('userAgent')
const DAY = keyRun('day')
const MONTH = keyRun('month')
const YEAR = keyRun('year')
const HOUR = keyRun('hour')
const RESPONSE_CODE = keyRun('responseCode')
const API_KEY = keyRun('apiKey')
const TIMESTAMP = keyRun('timestamp')
const API_VERSION = keyRun('apiVersion')
const API_NAME = keyRun('apiName')
const API_ID = keyRun('apiId')
const ORG_ID = keyRun('orgId')
const OAUTH_ID = keyRun('oauthId')
const REQUEST_TIME = keyRun('requestTime')
const RAW_REQUEST = keyRun('rawRequest')
const RAW_RESPONSE = keyRun('rawResponse')
const IP_ADDRESS = keyRun('ipAddress')
const GEO = keyRun('geo')
const NETWORK = keyRun('network')
const TAGS = keyRun('tags')
const ALIAS = keyRun('alias')
const TRACK_PATH = keyRun('trackPath')
const EXPIRE_AT = keyRun('expireAt')
const API_SCHEMA = keyRun('apiSchema')
const ORIGINAL_PATH = keyRun('originalPath')
const LISTEN_PATH = keyRun('listenPath')
const GRAPHQL = keyRun('graphqlStats')
const MCP = keyRun('mcpStats')
const COLLECTION_NAME = keyRun('collectionName')

const LATENCY_TOTAL_KEYS = [wire('latency'), raw(0x80 | LATENCY_KEYS.length), key(LATENCY_KEYS[0])]
const LATENCY_TOTAL = byteRun(...LATENCY_TOTAL_KEYS)
const LATENCY_UPSTREAM = byteRun(key(LATENCY_KEYS[1]))
const LATENCY_GATEWAY = byteRun(key(LATENCY_KEYS[2]))

// What most records have: one run each.
const NO_TEXT = raw(0xa0)
const NO_MESSAGES = byteRun(wire('rawRequest'), NO_TEXT, wire('rawResponse'), NO_TEXT, wire('ipAddress'))
const NO_GEO_NO_NETWORK = byteRun(wire('geo'), ZERO_GEO, wire('network'), ZERO_NETWORK, ...LATENCY_TOTAL_KEYS)
const NO_SCHEMA = byteRun(wire('apiSchema'), NO_TEXT, wire('originalPath'))
const NO_GRAPHQL_NO_MCP = byteRun(
  wire('graphqlStats'),
  ZERO_GRAPHQL,
  wire('mcpStats'),
  ZERO_MCP,
  wire('collectionName'),
)

/** Encodes records one after the other; keeps its chunk between them, and the bytes of fields that come again. */
export function createRecordEncoder(options: EncodeOptions = {}): RecordEncoder {
  const writer = new MsgpackWriter(options.text === 'bytes', options.reuse === true)
  const repeated = new RepeatedFields()
  return {
    encode(record) {
      const api = repeated.ofApi(record.apiId)
      writer.begin()
      writeRequest(writer, record, api, repeated)
      writeOutcome(writer, record, api)
      writeExtras(writer, record, api)
      return writer.take()
    },
  }
}

const utf8Encoder = createRecordEncoder()
const bytesEncoder = createRecordEncoder({ text: 'bytes' })

/**
 * Encodes one record as the msgpack map that a Tyk pump reads: all 35 keys in table order.
 *
 * A time becomes a two-element array of integers (first byte 0x92). The msgpack timestamp extension is never used: a
 * Tyk pump would reject the whole record.
 *
 * @throws RecordEncodeError when an integer field holds a fraction or a number beyond 64 bits.
 */
export function encodeRecord(record: AnalyticsRecord, options?: EncodeOptions): Buffer {
  return options?.text === 'bytes' ? bytesEncoder.encode(record) : utf8Encoder.encode(record)
}

function writeRequest(w: MsgpackWriter, r: AnalyticsRecord, api: ApiFields, repeated: RepeatedFields): void {
  writeTarget(w, r, api.target)
  w.text(r.path, 'path')
  w.run(RAW_PATH)
  w.text(r.rawPath, 'rawPath')
  writeClient(w, r, repeated.client)
  writeHour(w, r, repeated.hour)
  w.int(r.responseCode, 'responseCode')
  w.run(API_KEY)
  w.text(r.apiKey, 'apiKey')
  w.run(TIMESTAMP)
  w.instant(r.timestamp, 'timestamp')
}

function writeOutcome(w: MsgpackWriter, r: AnalyticsRecord, api: ApiFields): void {
  writeNames(w, r, api.names)
  w.int(r.requestTime, 'requestTime')
  if (r.rawRequest === '' && r.rawResponse === '') w.run(NO_MESSAGES)
  else {
    w.run(RAW_REQUEST)
    w.text(r.rawRequest, 'rawRequest')
    w.run(RAW_RESPONSE)
    w.text(r.rawResponse, 'rawResponse')
    w.run(IP_ADDRESS)
  }
  w.text(r.ipAddress, 'ipAddress')
  if (isZeroGeo(r.geo) && isZeroNetwork(r.network)) w.run(NO_GEO_NO_NETWORK)
  else {
    w.run(GEO)
    writeGeo(w, r.geo)
    w.run(NETWORK)
    writeNetwork(w, r.network)
    w.run(LATENCY_TOTAL)
  }
  w.int(r.latency.total, 'latency.total')
  w.run(LATENCY_UPSTREAM)
  w.int(r.latency.upstream, 'latency.upstream')
  w.run(LATENCY_GATEWAY)
  w.int(r.latency.gateway, 'latency.gateway')
}

function writeExtras(w: MsgpackWriter, r: AnalyticsRecord, api: ApiFields): void {
  writeCaller(w, r, api.caller)
  w.instant(r.expireAt, 'expireAt')
  if (r.apiSchema === '') w.run(NO_SCHEMA)
  else {
    w.run(API_SCHEMA)
    w.text(r.apiSchema, 'apiSchema')
    w.run(ORIGINAL_PATH)
  }
  w.text(r.originalPath, 'originalPath')
  if (isZeroGraphql(r.graphqlStats) && isZeroMcp(r.mcpStats)) return writeTail(w, r, api.tail)
  w.run(LISTEN_PATH)
  w.text(r.listenPath, 'listenPath')
  w.run(GRAPHQL)
  writeGraphql(w, r.graphqlStats)
  w.run(MCP)
  writeMcp(w, r.mcpStats)
  w.run(COLLECTION_NAME)
  w.text(r.collectionName, 'collectionName')
}

// Each group is spelled out: one function over lists of names would look every field up by a computed name.

function writeTarget(w: MsgpackWriter, r: AnalyticsRecord, last: Target): void {
  const same = r.method === last.method && r.host === last.host
  if (same && last.bytes !== null) return w.bytes(last.bytes)
  const from = w.length
  w.run(METHOD)
  w.text(r.method, 'method')
  w.run(HOST)
  w.text(r.host, 'host')
  w.run(PATH)
  last.bytes = same ? w.copy(from) : null
  if (same) return
  last.method = r.method
  last.host = r.host
}

function writeClient(w: MsgpackWriter, r: AnalyticsRecord, last: Client): void {
  const same = r.userAgent === last.userAgent && r.contentLength === last.contentLength
  if (same && last.bytes !== null) return w.bytes(last.bytes)
  const from = w.length
  w.run(CONTENT_LENGTH)
  w.int(r.contentLength, 'contentLength')
  w.run(USER_AGENT)
  w.text(r.userAgent, 'userAgent')
  w.run(DAY)
  last.bytes = same ? w.copy(from) : null
  if (same) return
  last.contentLength = r.contentLength
  last.userAgent = r.userAgent
}

function writeHour(w: MsgpackWriter, r: AnalyticsRecord, last: Hour): void {
  const same = r.hour === last.hour && r.day === last.day && r.month === last.month && r.year === last.year
  if (same && last.bytes !== null) return w.bytes(last.bytes)
  const from = w.length
  w.int(r.day, 'day')
  w.run(MONTH)
  w.int(r.month, 'month')
  w.run(YEAR)
  w.int(r.year, 'year')
  w.run(HOUR)
  w.int(r.hour, 'hour')
  w.run(RESPONSE_CODE)
  last.bytes = same ? w.copy(from) : null
  if (same) return
  last.day = r.day
  last.month = r.month
  last.year = r.year
  last.hour = r.hour
}

function writeNames(w: MsgpackWriter, r: AnalyticsRecord, last: Names): void {
  const same =
    r.apiId === last.apiId &&
    r.apiName === last.apiName &&
    r.apiVersion === last.apiVersion &&
    r.orgId === last.orgId &&
    r.oauthId === last.oauthId
  if (same && last.bytes !== null) return w.bytes(last.bytes)
  const from = w.length
  w.run(API_VERSION)
  w.text(r.apiVersion, 'apiVersion')
  w.run(API_NAME)
  w.text(r.apiName, 'apiName')
  w.run(API_ID)
  w.text(r.apiId, 'apiId')
  w.run(ORG_ID)
  w.text(r.orgId, 'orgId')
  w.run(OAUTH_ID)
  w.text(r.oauthId, 'oauthId')
  w.run(REQUEST_TIME)
  last.bytes = same ? w.copy(from) : null
  if (same) return
  last.apiVersion = r.apiVersion
  last.apiName = r.apiName
  last.apiId = r.apiId
  last.orgId = r.orgId
  last.oauthId = r.oauthId
}

function writeCaller(w: MsgpackWriter, r: AnalyticsRecord, last: Caller): void {
  const same = r.trackPath === last.trackPath && r.alias === last.alias && haveSameTags(r, last)
  if (same && last.bytes !== null) return w.bytes(last.bytes)
  const from = w.length
  w.run(TAGS)
  w.texts(r.tags, 'tags')
  w.run(ALIAS)
  w.text(r.alias, 'alias')
  w.run(TRACK_PATH)
  w.boolean(r.trackPath)
  w.run(EXPIRE_AT)
  last.bytes = same ? w.copy(from) : null
  if (same) return
  // The values of headers are among them.
  const isLong = w.length - from > MAX_KEPT_BYTES
  keepTags(isLong ? null : r.tags, last)
  last.alias = isLong ? '' : r.alias
  last.trackPath = r.trackPath
}

/** What ends a record of REST traffic. */
function writeTail(w: MsgpackWriter, r: AnalyticsRecord, last: Tail): void {
  const same = r.listenPath === last.listenPath && r.collectionName === last.collectionName
  if (same && last.bytes !== null) return w.bytes(last.bytes)
  const from = w.length
  w.run(LISTEN_PATH)
  w.text(r.listenPath, 'listenPath')
  w.run(NO_GRAPHQL_NO_MCP)
  w.text(r.collectionName, 'collectionName')
  last.bytes = same ? w.copy(from) : null
  if (same) return
  last.listenPath = r.listenPath
  last.collectionName = r.collectionName
}

function haveSameTags({ tags }: AnalyticsRecord, last: Caller): boolean {
  if (tags === null) return last.tagCount === -1
  if (tags.length !== last.tagCount) return false
  for (let i = 0; i < tags.length; i++) if (tags[i] !== last.tags[i]) return false
  return true
}

function keepTags(tags: AnalyticsRecord['tags'], last: Caller): void {
  last.tagCount = tags?.length ?? -1
  if (tags === null) return
  for (let i = 0; i < tags.length; i++) {
    if (i < last.tags.length) last.tags[i] = tags[i]!
    else last.tags.push(tags[i]!)
  }
}
