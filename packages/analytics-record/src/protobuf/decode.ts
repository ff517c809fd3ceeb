import { carryNanos } from '../instant.ts'
import { setOwn } from '../own-key.ts'
import { emptyRecord, RECORD_FIELDS, type AnalyticsRecord, type FieldKind, type FieldRow } from '../record.ts'
import type { Instant } from '../record.ts'
import {
  CITY_FIELDS,
  COUNTRY_FIELDS,
  GEO_FIELDS,
  GRAPHQL_FIELDS,
  LATENCY_FIELDS,
  LOCATION_FIELDS,
  MAP_ENTRY_FIELDS,
  MCP_FIELDS,
  NETWORK_FIELDS,
  REPEATED_FIELDS_FIELD,
  TIMESTAMP_FIELDS,
} from './field-numbers.ts'
import { FIXED64, LENGTH_DELIMITED, ProtobufReader, VARINT } from './reader.ts'

/** What the handler of a field expects; a field of another wire type is unknown, and skipped, as in Go. */
interface Handler<T> {
  readonly wireType: number
  readonly read: (reader: ProtobufReader, target: T) => void
}

type Handlers<T> = ReadonlyMap<number, Handler<T>>

/**
 * Reads one record from its protobuf form. Absent fields and messages are zero, unknown fields are skipped.
 *
 * The name of the time zone is not read: both times are instants and need none. (A Tyk pump loses both when it does not
 * know the zone.) City names are dropped although they are on the wire, as Tyk's pump does.
 *
 * @throws RecordDecodeError naming the field number and the byte.
 */
export function decodeRecordProtobuf(bytes: Uint8Array): AnalyticsRecord {
  const record = emptyRecord()
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  readMessage(new ProtobufReader(buffer), RECORD, record)
  return record
}

function readMessage<T>(reader: ProtobufReader, handlers: Handlers<T>, target: T): void {
  while (reader.next()) {
    const handler = handlers.get(reader.field)
    if (handler === undefined || handler.wireType !== reader.wireType) reader.skip()
    else handler.read(reader, target)
  }
}

const varint = <T>(read: Handler<T>['read']): Handler<T> => ({ wireType: VARINT, read })
const fixed64 = <T>(read: Handler<T>['read']): Handler<T> => ({ wireType: FIXED64, read })
const delimited = <T>(read: Handler<T>['read']): Handler<T> => ({ wireType: LENGTH_DELIMITED, read })

type Stats<K extends 'network' | 'latency' | 'geo' | 'graphqlStats' | 'mcpStats'> = AnalyticsRecord[K]

const COUNTRY: Handlers<Stats<'geo'>['country']> = new Map([
  [COUNTRY_FIELDS.isoCode, delimited((reader, country) => (country.isoCode = reader.text()))],
])

const CITY: Handlers<Stats<'geo'>['city']> = new Map([
  [CITY_FIELDS.geonameId, varint((reader, city) => (city.geonameId = reader.uint32()))],
])

const LOCATION: Handlers<Stats<'geo'>['location']> = new Map([
  [LOCATION_FIELDS.latitude, fixed64((reader, location) => (location.latitude = reader.double()))],
  [LOCATION_FIELDS.longitude, fixed64((reader, location) => (location.longitude = reader.double()))],
  [LOCATION_FIELDS.timeZone, delimited((reader, location) => (location.timeZone = reader.text()))],
])

const GEO: Handlers<Stats<'geo'>> = new Map([
  [GEO_FIELDS.country, delimited((reader, geo) => readMessage(reader.message(), COUNTRY, geo.country))],
  [GEO_FIELDS.city, delimited((reader, geo) => readMessage(reader.message(), CITY, geo.city))],
  [GEO_FIELDS.location, delimited((reader, geo) => readMessage(reader.message(), LOCATION, geo.location))],
])

const NETWORK: Handlers<Stats<'network'>> = new Map([
  [NETWORK_FIELDS.openConnections, varint((reader, network) => (network.openConnections = reader.int64()))],
  [NETWORK_FIELDS.closedConnections, varint((reader, network) => (network.closedConnections = reader.int64()))],
  [NETWORK_FIELDS.bytesIn, varint((reader, network) => (network.bytesIn = reader.int64()))],
  [NETWORK_FIELDS.bytesOut, varint((reader, network) => (network.bytesOut = reader.int64()))],
])

const LATENCY: Handlers<Stats<'latency'>> = new Map([
  [LATENCY_FIELDS.total, varint((reader, latency) => (latency.total = reader.int64()))],
  [LATENCY_FIELDS.upstream, varint((reader, latency) => (latency.upstream = reader.int64()))],
])

const TYPE_FIELDS: Handlers<string[]> = new Map([
  [REPEATED_FIELDS_FIELD, delimited((reader, fields) => fields.push(reader.text()))],
])

const TYPE_ENTRY: Handlers<{ type: string; fields: string[] }> = new Map([
  [MAP_ENTRY_FIELDS.key, delimited((reader, entry) => (entry.type = reader.text()))],
  [MAP_ENTRY_FIELDS.value, delimited((reader, entry) => readMessage(reader.message(), TYPE_FIELDS, entry.fields))],
])

const GRAPHQL: Handlers<Stats<'graphqlStats'>> = new Map([
  [GRAPHQL_FIELDS.isGraphql, varint((reader, stats) => (stats.isGraphql = reader.boolean()))],
  [GRAPHQL_FIELDS.types, delimited((reader, stats) => readType(reader.message(), (stats.types ??= {})))],
  [GRAPHQL_FIELDS.operationType, varint((reader, stats) => (stats.operationType = reader.int32()))],
  [GRAPHQL_FIELDS.variables, delimited((reader, stats) => (stats.variables = reader.text()))],
  [GRAPHQL_FIELDS.rootFields, delimited((reader, stats) => (stats.rootFields ??= []).push(reader.text()))],
  [GRAPHQL_FIELDS.hasErrors, varint((reader, stats) => (stats.hasErrors = reader.boolean()))],
  [
    GRAPHQL_FIELDS.errors,
    delimited((reader, stats) => (stats.errors ??= []).push({ message: reader.text(), path: null })),
  ],
])

const MCP: Handlers<Stats<'mcpStats'>> = new Map([
  [MCP_FIELDS.isMcp, varint((reader, stats) => (stats.isMcp = reader.boolean()))],
  [MCP_FIELDS.jsonrpcMethod, delimited((reader, stats) => (stats.jsonrpcMethod = reader.text()))],
  [MCP_FIELDS.primitiveType, delimited((reader, stats) => (stats.primitiveType = reader.text()))],
  [MCP_FIELDS.primitiveName, delimited((reader, stats) => (stats.primitiveName = reader.text()))],
])

interface Timestamp {
  seconds: number | bigint
  nanos: number
}

const TIMESTAMP: Handlers<Timestamp> = new Map([
  [TIMESTAMP_FIELDS.seconds, varint((reader, timestamp) => (timestamp.seconds = reader.int64()))],
  [TIMESTAMP_FIELDS.nanos, varint((reader, timestamp) => (timestamp.nanos = reader.int32()))],
])

function readType(reader: ProtobufReader, types: Record<string, string[]>): void {
  const entry = { type: '', fields: [] }
  readMessage(reader, TYPE_ENTRY, entry)
  setOwn(types, entry.type, entry.fields)
}

function readInstant(reader: ProtobufReader): Instant {
  const timestamp: Timestamp = { seconds: 0, nanos: 0 }
  readMessage(reader.message(), TIMESTAMP, timestamp)
  if (typeof timestamp.seconds === 'bigint') return reader.fail('the time is out of range')
  return carryNanos(timestamp.seconds, timestamp.nanos)
}

const RECORD: Handlers<AnalyticsRecord> = new Map(
  RECORD_FIELDS.flatMap((row) => (row.protobuf === null ? [] : [[row.protobuf, handlerOf(row)] as const])),
)

function handlerOf(row: FieldRow): Handler<AnalyticsRecord> {
  return { wireType: wireTypeOf(row.kind), read: (reader, record) => readField(reader, record, row) }
}

function wireTypeOf(kind: FieldKind): number {
  return kind === 'int' || kind === 'int64' || kind === 'boolean' ? VARINT : LENGTH_DELIMITED
}

function readField(reader: ProtobufReader, record: AnalyticsRecord, { name, kind }: FieldRow): void {
  // The table pairs each name with its kind, which the type of a name alone cannot say.
  const fields = record as unknown as Record<string, unknown>
  switch (kind) {
    case 'string':
      fields[name] = reader.text()
      return
    case 'int':
      fields[name] = reader.int32()
      return
    case 'int64':
      fields[name] = reader.int64()
      return
    case 'boolean':
      fields[name] = reader.boolean()
      return
    case 'instant':
      fields[name] = readInstant(reader)
      return
    case 'strings':
      ;(record.tags ??= []).push(reader.text())
      return
    case 'geo':
      return readMessage(reader.message(), GEO, record.geo)
    case 'network':
      return readMessage(reader.message(), NETWORK, record.network)
    case 'latency':
      return readMessage(reader.message(), LATENCY, record.latency)
    case 'graphql':
      return readMessage(reader.message(), GRAPHQL, record.graphqlStats)
    case 'mcp':
      return readMessage(reader.message(), MCP, record.mcpStats)
  }
}
