// Hot path.
import { emptyRecord, RECORD_FIELDS, type AnalyticsRecord } from '../record.ts'
import type { RecordBlock } from './block.ts'
import { readGeo, readGraphql, readLatency, readMcp, readNetwork } from './decode-nested.ts'
import { MsgpackReader } from './reader.ts'
import { byteRun, key } from './runs.ts'

const KEYS = RECORD_FIELDS.map((row) => byteRun(key(row.wire)))
const INDEX = new Map(RECORD_FIELDS.map((row, index) => [row.wire, index]))
const FIELD_COUNT = RECORD_FIELDS.length
const UNKNOWN = -1

const reader = new MsgpackReader()

/**
 * Reads one record from msgpack as gateways of any age write it: by name in any order, unknown keys skipped, absent
 * ones zero, nil for zero, integers of any width, bytes after the record ignored. Also the forms that a Tyk pump takes
 * although no gateway writes them: byte strings for text, structures as lists in field order, duplicate keys.
 *
 * More lenient than Tyk's: times in other unambiguous forms, whole floats for integers, nil for false, extensions
 * under unknown keys.
 *
 * @throws RecordDecodeError naming the field and the byte.
 */
export function decodeRecord(bytes: Uint8Array): AnalyticsRecord {
  reader.load(bytes)
  try {
    return readRecord()
  } finally {
    reader.release()
  }
}

/** The same, for a record that stands in a block. */
export function decodeRecordIn(block: RecordBlock, index: number): AnalyticsRecord {
  reader.loadFrom(block, index)
  try {
    return readRecord()
  } finally {
    reader.release()
  }
}

function readRecord(): AnalyticsRecord {
  const record = emptyRecord()
  const code = reader.peek('record')
  if (reader.isMap(code)) readKeyed(record)
  else if (reader.isList(code)) readPositional(record)
  else if (!reader.nil('record')) reader.fail('record', `expected a map, got code 0x${code.toString(16)}`)
  return record
}

function readKeyed(record: AnalyticsRecord): void {
  const count = reader.mapLength('record')
  let next = 0
  let seen = 0
  for (let i = 0; i < count; i++) {
    // Writers keep their order, so the next key is nearly always known before it is read.
    const index = next < FIELD_COUNT && reader.matches(KEYS[next]!) ? next : (INDEX.get(reader.text('key')) ?? UNKNOWN)
    if (index === UNKNOWN) reader.skip('unknown key')
    else {
      // Perhaps the second of its name, and the last one wins.
      if (index < seen) clearStructure(record, index)
      readField(record, index)
      next = index + 1
      if (next > seen) seen = next
    }
  }
}

/** Structures are read into the record's own zero ones; all other fields are overwritten anyway. */
function clearStructure(record: AnalyticsRecord, index: number): void {
  const { geo, network, latency, graphqlStats, mcpStats } = emptyRecord()
  const kind = RECORD_FIELDS[index]!.kind
  if (kind === 'geo') record.geo = geo
  else if (kind === 'network') record.network = network
  else if (kind === 'latency') record.latency = latency
  else if (kind === 'graphql') record.graphqlStats = graphqlStats
  else if (kind === 'mcp') record.mcpStats = mcpStats
}

function readPositional(record: AnalyticsRecord): void {
  const count = reader.listLength('record')
  for (let i = 0; i < count; i++) {
    if (i < FIELD_COUNT) readField(record, i)
    else reader.skip('unknown member')
  }
}

/** One case per field, numbered as the field table is. */
function readField(r: AnalyticsRecord, index: number): void {
  switch (index) {
    case 0:
      r.method = reader.text('Method')
      return
    case 1:
      r.host = reader.text('Host')
      return
    case 2:
      r.path = reader.text('Path')
      return
    case 3:
      r.rawPath = reader.text('RawPath')
      return
    case 4:
      r.contentLength = reader.int('ContentLength')
      return
    case 5:
      r.userAgent = reader.text('UserAgent')
      return
    case 6:
      r.day = reader.smallInt('Day')
      return
    case 7:
      r.month = reader.smallInt('Month')
      return
    case 8:
      r.year = reader.smallInt('Year')
      return
    case 9:
      r.hour = reader.smallInt('Hour')
      return
    case 10:
      r.responseCode = reader.smallInt('ResponseCode')
      return
    case 11:
      r.apiKey = reader.text('APIKey')
      return
    case 12:
      r.timestamp = reader.instant('TimeStamp')
      return
    case 13:
      r.apiVersion = reader.text('APIVersion')
      return
    case 14:
      r.apiName = reader.text('APIName')
      return
    case 15:
      r.apiId = reader.text('APIID')
      return
    case 16:
      r.orgId = reader.text('OrgID')
      return
    case 17:
      r.oauthId = reader.text('OauthID')
      return
    default:
      readLaterField(r, index)
  }
}

function readLaterField(r: AnalyticsRecord, index: number): void {
  switch (index) {
    case 18:
      r.requestTime = reader.int('RequestTime')
      return
    case 19:
      r.rawRequest = reader.text('RawRequest')
      return
    case 20:
      r.rawResponse = reader.text('RawResponse')
      return
    case 21:
      r.ipAddress = reader.text('IPAddress')
      return
    case 22:
      readGeo(reader, r.geo)
      return
    case 23:
      readNetwork(reader, r.network)
      return
    case 24:
      readLatency(reader, r.latency)
      return
    case 25:
      r.tags = reader.texts('Tags')
      return
    case 26:
      r.alias = reader.text('Alias')
      return
    case 27:
      r.trackPath = reader.boolean('TrackPath')
      return
    case 28:
      r.expireAt = reader.instant('ExpireAt')
      return
    case 29:
      r.apiSchema = reader.text('ApiSchema')
      return
    case 30:
      r.originalPath = reader.text('OriginalPath')
      return
    case 31:
      r.listenPath = reader.text('ListenPath')
      return
    case 32:
      readGraphql(reader, r.graphqlStats)
      return
    case 33:
      readMcp(reader, r.mcpStats)
      return
    default:
      r.collectionName = reader.text('CollectionName')
  }
}
