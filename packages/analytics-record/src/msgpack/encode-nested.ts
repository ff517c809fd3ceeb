import { RecordEncodeError } from '../errors.ts'
import type { Geo, GraphqlStats, McpStats, NetworkStats } from '../record.ts'
import {
  CITY_KEYS,
  COUNTRY_KEYS,
  GEO_KEYS,
  GRAPHQL_ERROR_KEYS,
  GRAPHQL_KEYS,
  LOCATION_KEYS,
  MCP_KEYS,
  NETWORK_KEYS,
} from './layout.ts'
import { byteRun, key, raw, type ByteRun } from './runs.ts'
import type { MsgpackWriter } from './writer.ts'

/** A map header with the first key, then the other keys: what stands before each value of a nested structure. */
const structRuns = (keys: readonly string[]): ByteRun[] =>
  keys.map((name, i) => (i === 0 ? byteRun(raw(0x80 | keys.length), key(name)) : byteRun(key(name))))

export function isZeroGeo({ country, city, location }: Geo): boolean {
  return (
    country.isoCode === '' &&
    city.geonameId === 0 &&
    city.names === null &&
    Object.is(location.latitude, 0) &&
    Object.is(location.longitude, 0) &&
    location.timeZone === ''
  )
}

export function isZeroNetwork(n: NetworkStats): boolean {
  return n.openConnections === 0 && n.closedConnections === 0 && n.bytesIn === 0 && n.bytesOut === 0
}

export function isZeroGraphql(g: GraphqlStats): boolean {
  return (
    !g.isGraphql &&
    !g.hasErrors &&
    g.variables === '' &&
    g.rootFields === null &&
    g.types === null &&
    g.errors === null &&
    g.operationType === 0
  )
}

export function isZeroMcp(m: McpStats): boolean {
  return !m.isMcp && m.jsonrpcMethod === '' && m.primitiveType === '' && m.primitiveName === ''
}

const GEO_RUNS = structRuns(GEO_KEYS)
const COUNTRY_RUNS = structRuns(COUNTRY_KEYS)
const CITY_RUNS = structRuns(CITY_KEYS)
const LOCATION_RUNS = structRuns(LOCATION_KEYS)
const NETWORK_RUNS = structRuns(NETWORK_KEYS)
const GRAPHQL_RUNS = structRuns(GRAPHQL_KEYS)
const GRAPHQL_ERROR_RUNS = structRuns(GRAPHQL_ERROR_KEYS)
const MCP_RUNS = structRuns(MCP_KEYS)

export function writeGeo(w: MsgpackWriter, { country, city, location }: Geo): void {
  w.run(GEO_RUNS[0]!)
  w.run(COUNTRY_RUNS[0]!)
  w.text(country.isoCode, 'geo.country.isoCode')
  w.run(GEO_RUNS[1]!)
  w.run(CITY_RUNS[0]!)
  if (!(city.geonameId >= 0))
    throw new RecordEncodeError(`geo.city.geonameId: expected 0 or more, got ${city.geonameId}`)
  w.int(city.geonameId, 'geo.city.geonameId')
  w.run(CITY_RUNS[1]!)
  writeNames(w, city.names)
  w.run(GEO_RUNS[2]!)
  w.run(LOCATION_RUNS[0]!)
  w.float(location.latitude)
  w.run(LOCATION_RUNS[1]!)
  w.float(location.longitude)
  w.run(LOCATION_RUNS[2]!)
  w.text(location.timeZone, 'geo.location.timeZone')
}

export function writeNetwork(w: MsgpackWriter, network: NetworkStats): void {
  w.run(NETWORK_RUNS[0]!)
  w.int(network.openConnections, 'network.openConnections')
  w.run(NETWORK_RUNS[1]!)
  w.int(network.closedConnections, 'network.closedConnections')
  w.run(NETWORK_RUNS[2]!)
  w.int(network.bytesIn, 'network.bytesIn')
  w.run(NETWORK_RUNS[3]!)
  w.int(network.bytesOut, 'network.bytesOut')
}

function writeNames(w: MsgpackWriter, names: Readonly<Record<string, string>> | null): void {
  if (names === null) return w.nil()
  const entries = Object.entries(names)
  w.map(entries.length)
  for (const [language, name] of entries) {
    w.text(language, 'geo.city.names')
    w.text(name, 'geo.city.names')
  }
}

export function writeGraphql(w: MsgpackWriter, stats: GraphqlStats): void {
  w.run(GRAPHQL_RUNS[0]!)
  w.text(stats.variables, 'graphqlStats.variables')
  w.run(GRAPHQL_RUNS[1]!)
  w.texts(stats.rootFields, 'graphqlStats.rootFields')
  w.run(GRAPHQL_RUNS[2]!)
  writeTypes(w, stats.types)
  w.run(GRAPHQL_RUNS[3]!)
  writeErrors(w, stats.errors)
  w.run(GRAPHQL_RUNS[4]!)
  w.int(stats.operationType, 'graphqlStats.operationType')
  w.run(GRAPHQL_RUNS[5]!)
  w.boolean(stats.hasErrors)
  w.run(GRAPHQL_RUNS[6]!)
  w.boolean(stats.isGraphql)
}

function writeTypes(w: MsgpackWriter, types: GraphqlStats['types']): void {
  if (types === null) return w.nil()
  const entries = Object.entries(types)
  w.map(entries.length)
  for (const [type, fields] of entries) {
    w.text(type, 'graphqlStats.types')
    w.texts(fields, 'graphqlStats.types')
  }
}

function writeErrors(w: MsgpackWriter, errors: GraphqlStats['errors']): void {
  if (errors === null) return w.nil()
  w.list(errors.length)
  for (const { message, path } of errors) {
    w.run(GRAPHQL_ERROR_RUNS[0]!)
    w.text(message, 'graphqlStats.errors.message')
    w.run(GRAPHQL_ERROR_RUNS[1]!)
    writeValue(w, path, 0)
  }
}

const MAX_DEPTH = 16

/** A member of an error's path: GraphQL uses texts and list positions; whatever else JSON can hold goes too. */
function writeValue(w: MsgpackWriter, value: unknown, depth: number): void {
  const field = 'graphqlStats.errors.path'
  if (depth > MAX_DEPTH) throw new RecordEncodeError(`${field}: nested more than ${MAX_DEPTH} levels deep`)
  if (value === null || value === undefined) w.nil()
  else if (typeof value === 'string') w.text(value, field)
  else if (typeof value === 'boolean') w.boolean(value)
  else if (typeof value === 'bigint' || Number.isSafeInteger(value)) w.int(value as number | bigint, field)
  else if (typeof value === 'number') w.float(value)
  else if (Array.isArray(value)) {
    w.list(value.length)
    for (const member of value) writeValue(w, member, depth + 1)
  } else if (typeof value === 'object') {
    const entries = Object.entries(value)
    w.map(entries.length)
    for (const [name, member] of entries) {
      w.text(name, field)
      writeValue(w, member, depth + 1)
    }
  } else throw new RecordEncodeError(`${field}: a ${typeof value} has no wire form`)
}

export function writeMcp(w: MsgpackWriter, stats: McpStats): void {
  w.run(MCP_RUNS[0]!)
  w.boolean(stats.isMcp)
  w.run(MCP_RUNS[1]!)
  w.text(stats.jsonrpcMethod, 'mcpStats.jsonrpcMethod')
  w.run(MCP_RUNS[2]!)
  w.text(stats.primitiveType, 'mcpStats.primitiveType')
  w.run(MCP_RUNS[3]!)
  w.text(stats.primitiveName, 'mcpStats.primitiveName')
}
