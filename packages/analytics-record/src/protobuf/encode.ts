import { RECORD_FIELDS, type AnalyticsRecord, type FieldRow, type Geo, type GraphqlStats } from '../record.ts'
import type { Instant, McpStats } from '../record.ts'
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
  TIME_ZONE_FIELD,
  TIMESTAMP_FIELDS,
} from './field-numbers.ts'
import { ProtobufWriter } from './writer.ts'

/** Name of the zone of the times. A Tyk pump loads the zone, and loses both times when it does not know the name. */
const TIME_ZONE = 'Local'

type NumberedRow = FieldRow & { readonly protobuf: number }

const ROWS = RECORD_FIELDS.filter((row): row is NumberedRow => row.protobuf !== null).sort(
  (a, b) => a.protobuf - b.protobuf,
)
const ROWS_BEFORE_ZONE = ROWS.filter((row) => row.protobuf < TIME_ZONE_FIELD)
const ROWS_AFTER_ZONE = ROWS.filter((row) => row.protobuf > TIME_ZONE_FIELD)

const writer = new ProtobufWriter()

/**
 * Encodes one record as the protobuf message that a Tyk pump reads from the `_protobuf` lists.
 *
 * `Latency`, `Network`, `Geo` and its parts are written even when empty: a Tyk pump crashes without them. The
 * gateway's share of the latency, paths of GraphQL errors and the collection name have no place in this form.
 *
 * @throws RecordEncodeError when a text is no valid Unicode or a number does not fit its field.
 */
export function encodeRecordProtobuf(record: AnalyticsRecord): Buffer {
  writer.begin()
  for (const row of ROWS_BEFORE_ZONE) writeField(writer, record, row)
  writer.text(TIME_ZONE_FIELD, TIME_ZONE, 'timeZone')
  for (const row of ROWS_AFTER_ZONE) writeField(writer, record, row)
  return writer.take()
}

function writeField(w: ProtobufWriter, record: AnalyticsRecord, row: NumberedRow): void {
  const { name, protobuf: field } = row
  const value = record[name]
  switch (row.kind) {
    case 'string':
      return w.text(field, value as string, name)
    case 'int':
      return w.int32(field, value as number, name)
    case 'int64':
      return w.int64(field, value as number | bigint, name)
    case 'boolean':
      return w.boolean(field, value as boolean)
    case 'strings':
      return w.texts(field, value as string[] | null, name)
    case 'instant':
      return w.message(field, () => writeTimestamp(w, value as Instant, name))
    case 'geo':
      return w.message(field, () => writeGeo(w, record.geo))
    case 'network':
      return w.message(field, () => writeNetwork(w, record))
    case 'latency':
      return w.message(field, () => {
        w.int64(LATENCY_FIELDS.total, record.latency.total, 'latency.total')
        w.int64(LATENCY_FIELDS.upstream, record.latency.upstream, 'latency.upstream')
      })
    case 'graphql':
      if (isGraphql(record.graphqlStats)) w.message(field, () => writeGraphql(w, record.graphqlStats))
      return
    case 'mcp':
      if (isMcp(record.mcpStats)) w.message(field, () => writeMcp(w, record.mcpStats))
  }
}

function writeTimestamp(w: ProtobufWriter, { seconds, nanos }: Instant, name: string): void {
  w.int64(TIMESTAMP_FIELDS.seconds, seconds, `${name}.seconds`)
  w.int32(TIMESTAMP_FIELDS.nanos, nanos, `${name}.nanos`)
}

function writeGeo(w: ProtobufWriter, { country, city, location }: Geo): void {
  w.message(GEO_FIELDS.country, () => w.text(COUNTRY_FIELDS.isoCode, country.isoCode, 'geo.country.isoCode'))
  w.message(GEO_FIELDS.city, () => {
    writeMap(w, CITY_FIELDS.names, city.names, 'geo.city.names', (name) =>
      w.text(MAP_ENTRY_FIELDS.value, name, 'geo.city.names'),
    )
    w.uint32(CITY_FIELDS.geonameId, city.geonameId, 'geo.city.geonameId')
  })
  w.message(GEO_FIELDS.location, () => {
    w.double(LOCATION_FIELDS.latitude, location.latitude)
    w.double(LOCATION_FIELDS.longitude, location.longitude)
    w.text(LOCATION_FIELDS.timeZone, location.timeZone, 'geo.location.timeZone')
  })
}

function writeNetwork(w: ProtobufWriter, { network }: AnalyticsRecord): void {
  w.int64(NETWORK_FIELDS.openConnections, network.openConnections, 'network.openConnections')
  w.int64(NETWORK_FIELDS.closedConnections, network.closedConnections, 'network.closedConnections')
  w.int64(NETWORK_FIELDS.bytesIn, network.bytesIn, 'network.bytesIn')
  w.int64(NETWORK_FIELDS.bytesOut, network.bytesOut, 'network.bytesOut')
}

function isGraphql(stats: GraphqlStats): boolean {
  const { variables, rootFields, types, errors, operationType, hasErrors, isGraphql: flagged } = stats
  return flagged || hasErrors || variables !== '' || operationType !== 0 || !!(rootFields ?? types ?? errors)
}

function writeGraphql(w: ProtobufWriter, stats: GraphqlStats): void {
  w.boolean(GRAPHQL_FIELDS.isGraphql, stats.isGraphql)
  writeMap(w, GRAPHQL_FIELDS.types, stats.types, 'graphqlStats.types', (fields) =>
    w.message(MAP_ENTRY_FIELDS.value, () => w.texts(REPEATED_FIELDS_FIELD, fields, 'graphqlStats.types')),
  )
  w.int32(GRAPHQL_FIELDS.operationType, stats.operationType, 'graphqlStats.operationType')
  w.text(GRAPHQL_FIELDS.variables, stats.variables, 'graphqlStats.variables')
  w.texts(GRAPHQL_FIELDS.rootFields, stats.rootFields, 'graphqlStats.rootFields')
  w.boolean(GRAPHQL_FIELDS.hasErrors, stats.hasErrors)
  const messages = stats.errors?.map((error) => error.message) ?? null
  w.texts(GRAPHQL_FIELDS.errors, messages, 'graphqlStats.errors')
}

const isMcp = (stats: McpStats): boolean =>
  stats.isMcp || stats.jsonrpcMethod !== '' || stats.primitiveType !== '' || stats.primitiveName !== ''

function writeMcp(w: ProtobufWriter, stats: McpStats): void {
  w.boolean(MCP_FIELDS.isMcp, stats.isMcp)
  w.text(MCP_FIELDS.jsonrpcMethod, stats.jsonrpcMethod, 'mcpStats.jsonrpcMethod')
  w.text(MCP_FIELDS.primitiveType, stats.primitiveType, 'mcpStats.primitiveType')
  w.text(MCP_FIELDS.primitiveName, stats.primitiveName, 'mcpStats.primitiveName')
}

function writeMap<T>(
  w: ProtobufWriter,
  field: number,
  map: Readonly<Record<string, T>> | null,
  name: string,
  writeValue: (value: T) => void,
): void {
  for (const [key, value] of Object.entries(map ?? {})) {
    w.message(field, () => {
      w.text(MAP_ENTRY_FIELDS.key, key, name)
      writeValue(value)
    })
  }
}
