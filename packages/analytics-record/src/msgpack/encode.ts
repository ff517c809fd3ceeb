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
import { MsgpackWriter } from './writer.ts'

export interface EncodeOptions {
  /**
   * What the record's texts are. `utf8` (default): text, written as UTF-8. `bytes`: byte strings, each UTF-16 unit one
   * byte from 0 to 255, written as they are; header values and decoded paths need not be valid UTF-8.
   */
  readonly text?: 'utf8' | 'bytes'
}

export interface RecordEncoder {
  /**
   * Encodes one record. The bytes are a view into a chunk that up to a hundred records share and that is never
   * written again: no copy is made, and the view may be kept.
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

const LATENCY_TOTAL = byteRun(wire('latency'), raw(0x80 | LATENCY_KEYS.length), key(LATENCY_KEYS[0]))
const LATENCY_UPSTREAM = byteRun(key(LATENCY_KEYS[1]))
const LATENCY_GATEWAY = byteRun(key(LATENCY_KEYS[2]))

/** From `Geo` to before the total latency, and from `GraphQLStats` to the end: one run each for most records. */
const NO_GEO_NO_NETWORK = byteRun(wire('geo'), ZERO_GEO, wire('network'), ZERO_NETWORK)
const NO_GRAPHQL_NO_MCP = byteRun(wire('graphqlStats'), ZERO_GRAPHQL, wire('mcpStats'), ZERO_MCP)

/** Encodes records one after the other; keeps its chunk between them. */
export function createRecordEncoder(options: EncodeOptions = {}): RecordEncoder {
  const writer = new MsgpackWriter(options.text === 'bytes')
  return {
    encode(record) {
      writer.begin()
      writeRequest(writer, record)
      writeOutcome(writer, record)
      writeExtras(writer, record)
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

function writeRequest(w: MsgpackWriter, r: AnalyticsRecord): void {
  w.run(METHOD)
  w.text(r.method, 'method')
  w.run(HOST)
  w.text(r.host, 'host')
  w.run(PATH)
  w.text(r.path, 'path')
  w.run(RAW_PATH)
  w.text(r.rawPath, 'rawPath')
  w.run(CONTENT_LENGTH)
  w.int(r.contentLength, 'contentLength')
  w.run(USER_AGENT)
  w.text(r.userAgent, 'userAgent')
  w.run(DAY)
  w.int(r.day, 'day')
  w.run(MONTH)
  w.int(r.month, 'month')
  w.run(YEAR)
  w.int(r.year, 'year')
  w.run(HOUR)
  w.int(r.hour, 'hour')
  w.run(RESPONSE_CODE)
  w.int(r.responseCode, 'responseCode')
  w.run(API_KEY)
  w.text(r.apiKey, 'apiKey')
  w.run(TIMESTAMP)
  w.instant(r.timestamp, 'timestamp')
}

function writeOutcome(w: MsgpackWriter, r: AnalyticsRecord): void {
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
  w.int(r.requestTime, 'requestTime')
  w.run(RAW_REQUEST)
  w.text(r.rawRequest, 'rawRequest')
  w.run(RAW_RESPONSE)
  w.text(r.rawResponse, 'rawResponse')
  w.run(IP_ADDRESS)
  w.text(r.ipAddress, 'ipAddress')
  if (isZeroGeo(r.geo) && isZeroNetwork(r.network)) w.run(NO_GEO_NO_NETWORK)
  else {
    w.run(GEO)
    writeGeo(w, r.geo)
    w.run(NETWORK)
    writeNetwork(w, r.network)
  }
  w.run(LATENCY_TOTAL)
  w.int(r.latency.total, 'latency.total')
  w.run(LATENCY_UPSTREAM)
  w.int(r.latency.upstream, 'latency.upstream')
  w.run(LATENCY_GATEWAY)
  w.int(r.latency.gateway, 'latency.gateway')
}

function writeExtras(w: MsgpackWriter, r: AnalyticsRecord): void {
  w.run(TAGS)
  w.texts(r.tags, 'tags')
  w.run(ALIAS)
  w.text(r.alias, 'alias')
  w.run(TRACK_PATH)
  w.boolean(r.trackPath)
  w.run(EXPIRE_AT)
  w.instant(r.expireAt, 'expireAt')
  w.run(API_SCHEMA)
  w.text(r.apiSchema, 'apiSchema')
  w.run(ORIGINAL_PATH)
  w.text(r.originalPath, 'originalPath')
  w.run(LISTEN_PATH)
  w.text(r.listenPath, 'listenPath')
  if (isZeroGraphql(r.graphqlStats) && isZeroMcp(r.mcpStats)) w.run(NO_GRAPHQL_NO_MCP)
  else {
    w.run(GRAPHQL)
    writeGraphql(w, r.graphqlStats)
    w.run(MCP)
    writeMcp(w, r.mcpStats)
  }
  w.run(COLLECTION_NAME)
  w.text(r.collectionName, 'collectionName')
}
