import { key, raw } from './runs.ts'

/** Keys of the nested structures in the order they are written. The names are Go's, including `ClosedConnection`. */
export const GEO_KEYS = ['Country', 'City', 'Location'] as const
export const COUNTRY_KEYS = ['ISOCode'] as const
export const CITY_KEYS = ['GeoNameID', 'Names'] as const
export const LOCATION_KEYS = ['Latitude', 'Longitude', 'TimeZone'] as const
export const NETWORK_KEYS = ['OpenConnections', 'ClosedConnection', 'BytesIn', 'BytesOut'] as const
export const LATENCY_KEYS = ['Total', 'Upstream', 'Gateway'] as const
export const GRAPHQL_KEYS = [
  'Variables',
  'RootFields',
  'Types',
  'Errors',
  'OperationType',
  'HasErrors',
  'IsGraphQL',
] as const
export const GRAPHQL_ERROR_KEYS = ['Message', 'Path'] as const
export const MCP_KEYS = ['IsMCP', 'JSONRPCMethod', 'PrimitiveType', 'PrimitiveName'] as const

const NIL = raw(0xc0)
const FALSE = raw(0xc2)
const ZERO = raw(0)
const NO_TEXT = raw(0xa0)
const ZERO_FLOAT = raw(0xcb, 0, 0, 0, 0, 0, 0, 0, 0)

/** A map header and keys paired with already encoded values. */
function struct(keys: readonly string[], ...values: readonly Buffer[]): Buffer {
  const members = keys.flatMap((name, i) => [key(name), values[i]!])
  return Buffer.concat([raw(0x80 | keys.length), ...members])
}

/** What a record of an HTTP API holds in its nested structures when there is nothing to say. */
export const ZERO_GEO = struct(
  GEO_KEYS,
  struct(COUNTRY_KEYS, NO_TEXT),
  struct(CITY_KEYS, ZERO, NIL),
  struct(LOCATION_KEYS, ZERO_FLOAT, ZERO_FLOAT, NO_TEXT),
)
export const ZERO_NETWORK = struct(NETWORK_KEYS, ZERO, ZERO, ZERO, ZERO)
export const ZERO_GRAPHQL = struct(GRAPHQL_KEYS, NO_TEXT, NIL, NIL, NIL, ZERO, FALSE, FALSE)
export const ZERO_MCP = struct(MCP_KEYS, FALSE, NO_TEXT, NO_TEXT, NO_TEXT)
