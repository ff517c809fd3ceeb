import type { Geo, GraphqlError, GraphqlStats, Latency, McpStats, NetworkStats } from '../record.ts'
import {
  CITY_KEYS,
  COUNTRY_KEYS,
  GEO_KEYS,
  GRAPHQL_ERROR_KEYS,
  GRAPHQL_KEYS,
  LATENCY_KEYS,
  LOCATION_KEYS,
  MCP_KEYS,
  NETWORK_KEYS,
  ZERO_GEO,
  ZERO_GRAPHQL,
  ZERO_MCP,
  ZERO_NETWORK,
} from './layout.ts'
import type { MsgpackReader } from './reader.ts'
import { byteRun, key, raw } from './runs.ts'

const NO_GEO = byteRun(ZERO_GEO)
const NO_NETWORK = byteRun(ZERO_NETWORK)
const NO_GRAPHQL = byteRun(ZERO_GRAPHQL)
const NO_MCP = byteRun(ZERO_MCP)
const TOTAL = byteRun(raw(0x80 | LATENCY_KEYS.length), key(LATENCY_KEYS[0]))
const UPSTREAM = byteRun(key(LATENCY_KEYS[1]))
const GATEWAY = byteRun(key(LATENCY_KEYS[2]))

/** How each member of a structure is read, by its key, in the order of the positional form. */
type Members<T> = readonly (readonly [name: string, read: (reader: MsgpackReader, target: T) => void])[]

/** Reads a structure that is a map, a list in member order, or nil, which leaves it as it is. */
function readStruct<T>(reader: MsgpackReader, field: string, members: Members<T>, target: T): void {
  if (reader.nil(field)) return
  if (reader.isList(reader.peek(field))) {
    const count = reader.listLength(field)
    for (let i = 0; i < count; i++) readMember(reader, field, members[i], target)
    return
  }
  const count = reader.mapLength(field)
  for (let i = 0; i < count; i++) {
    const name = reader.text(field)
    readMember(
      reader,
      field,
      members.find((member) => member[0] === name),
      target,
    )
  }
}

function readMember<T>(reader: MsgpackReader, field: string, member: Members<T>[number] | undefined, target: T): void {
  if (member === undefined) reader.skip(field)
  else member[1](reader, target)
}

const COUNTRY: Members<Geo['country']> = [
  [COUNTRY_KEYS[0], (reader, country) => (country.isoCode = reader.text('Geo.Country.ISOCode'))],
]

const CITY: Members<Geo['city']> = [
  [CITY_KEYS[0], (reader, city) => (city.geonameId = readGeonameId(reader))],
  [CITY_KEYS[1], (reader, city) => (city.names = readNames(reader))],
]

const LOCATION: Members<Geo['location']> = [
  [LOCATION_KEYS[0], (reader, location) => (location.latitude = reader.float('Geo.Location.Latitude'))],
  [LOCATION_KEYS[1], (reader, location) => (location.longitude = reader.float('Geo.Location.Longitude'))],
  [LOCATION_KEYS[2], (reader, location) => (location.timeZone = reader.text('Geo.Location.TimeZone'))],
]

const GEO: Members<Geo> = [
  [GEO_KEYS[0], (reader, geo) => readStruct(reader, 'Geo.Country', COUNTRY, geo.country)],
  [GEO_KEYS[1], (reader, geo) => readStruct(reader, 'Geo.City', CITY, geo.city)],
  [GEO_KEYS[2], (reader, geo) => readStruct(reader, 'Geo.Location', LOCATION, geo.location)],
]

const NETWORK: Members<NetworkStats> = [
  [NETWORK_KEYS[0], (reader, network) => (network.openConnections = reader.int('Network.OpenConnections'))],
  [NETWORK_KEYS[1], (reader, network) => (network.closedConnections = reader.int('Network.ClosedConnection'))],
  [NETWORK_KEYS[2], (reader, network) => (network.bytesIn = reader.int('Network.BytesIn'))],
  [NETWORK_KEYS[3], (reader, network) => (network.bytesOut = reader.int('Network.BytesOut'))],
]

const LATENCY: Members<Latency> = [
  [LATENCY_KEYS[0], (reader, latency) => (latency.total = reader.int('Latency.Total'))],
  [LATENCY_KEYS[1], (reader, latency) => (latency.upstream = reader.int('Latency.Upstream'))],
  [LATENCY_KEYS[2], (reader, latency) => (latency.gateway = reader.int('Latency.Gateway'))],
]

const GRAPHQL_ERROR: Members<{ message: string; path: unknown[] | null }> = [
  [GRAPHQL_ERROR_KEYS[0], (reader, error) => (error.message = reader.text('GraphQLStats.Errors.Message'))],
  [GRAPHQL_ERROR_KEYS[1], (reader, error) => (error.path = readPath(reader))],
]

const GRAPHQL: Members<GraphqlStats> = [
  [GRAPHQL_KEYS[0], (reader, stats) => (stats.variables = reader.text('GraphQLStats.Variables'))],
  [GRAPHQL_KEYS[1], (reader, stats) => (stats.rootFields = reader.texts('GraphQLStats.RootFields'))],
  [GRAPHQL_KEYS[2], (reader, stats) => (stats.types = readTypes(reader))],
  [GRAPHQL_KEYS[3], (reader, stats) => (stats.errors = readErrors(reader))],
  [GRAPHQL_KEYS[4], (reader, stats) => (stats.operationType = reader.smallInt('GraphQLStats.OperationType'))],
  [GRAPHQL_KEYS[5], (reader, stats) => (stats.hasErrors = reader.boolean('GraphQLStats.HasErrors'))],
  [GRAPHQL_KEYS[6], (reader, stats) => (stats.isGraphql = reader.boolean('GraphQLStats.IsGraphQL'))],
]

const MCP: Members<McpStats> = [
  [MCP_KEYS[0], (reader, stats) => (stats.isMcp = reader.boolean('MCPStats.IsMCP'))],
  [MCP_KEYS[1], (reader, stats) => (stats.jsonrpcMethod = reader.text('MCPStats.JSONRPCMethod'))],
  [MCP_KEYS[2], (reader, stats) => (stats.primitiveType = reader.text('MCPStats.PrimitiveType'))],
  [MCP_KEYS[3], (reader, stats) => (stats.primitiveName = reader.text('MCPStats.PrimitiveName'))],
]

function readGeonameId(reader: MsgpackReader): number {
  const id = reader.smallInt('Geo.City.GeoNameID')
  return id >= 0 ? id : reader.fail('Geo.City.GeoNameID', `${id} is out of range`)
}

const readNames = (reader: MsgpackReader): Record<string, string> | null =>
  reader.map('Geo.City.Names', () => reader.text('Geo.City.Names'))

const readTypes = (reader: MsgpackReader): GraphqlStats['types'] =>
  reader.map('GraphQLStats.Types', () => reader.texts('GraphQLStats.Types') ?? [])

function readPath(reader: MsgpackReader): unknown[] | null {
  const field = 'GraphQLStats.Errors.Path'
  if (reader.nil(field)) return null
  const path: unknown[] = []
  const count = reader.listLength(field)
  for (let i = 0; i < count; i++) path.push(reader.value(field))
  return path
}

function readErrors(reader: MsgpackReader): GraphqlError[] | null {
  const field = 'GraphQLStats.Errors'
  if (reader.nil(field)) return null
  const errors: GraphqlError[] = []
  const count = reader.listLength(field)
  for (let i = 0; i < count; i++) {
    const error = { message: '', path: null }
    readStruct(reader, field, GRAPHQL_ERROR, error)
    errors.push(error)
  }
  return errors
}

// In most records these hold nothing: one comparison of the whole structure, and the target, zero so far, stays as it is.
export function readGeo(reader: MsgpackReader, geo: Geo): void {
  if (!reader.matches(NO_GEO)) readStruct(reader, 'Geo', GEO, geo)
}

export function readNetwork(reader: MsgpackReader, network: NetworkStats): void {
  if (!reader.matches(NO_NETWORK)) readStruct(reader, 'Network', NETWORK, network)
}

export function readGraphql(reader: MsgpackReader, stats: GraphqlStats): void {
  if (!reader.matches(NO_GRAPHQL)) readStruct(reader, 'GraphQLStats', GRAPHQL, stats)
}

export function readMcp(reader: MsgpackReader, stats: McpStats): void {
  if (!reader.matches(NO_MCP)) readStruct(reader, 'MCPStats', MCP, stats)
}

export function readLatency(reader: MsgpackReader, latency: Latency): void {
  const start = reader.position
  if (reader.matches(TOTAL)) {
    latency.total = reader.int('Latency.Total')
    if (reader.matches(UPSTREAM)) {
      latency.upstream = reader.int('Latency.Upstream')
      if (reader.matches(GATEWAY)) {
        latency.gateway = reader.int('Latency.Gateway')
        return
      }
    }
  }
  reader.position = start
  readStruct(reader, 'Latency', LATENCY, latency)
}
