/** Field numbers of the messages inside `AnalyticsRecord`; its own are in the field table of the record. */
export const TIME_ZONE_FIELD = 30
export const TIMESTAMP_FIELDS = { seconds: 1, nanos: 2 } as const
/** The gateway's share has no number: it does not travel in this form. */
export const LATENCY_FIELDS = { total: 1, upstream: 2 } as const
export const GEO_FIELDS = { country: 1, city: 2, location: 3 } as const
export const COUNTRY_FIELDS = { isoCode: 1 } as const
export const CITY_FIELDS = { names: 1, geonameId: 2 } as const
export const LOCATION_FIELDS = { latitude: 1, longitude: 2, timeZone: 3 } as const
export const NETWORK_FIELDS = { openConnections: 1, closedConnections: 2, bytesIn: 3, bytesOut: 4 } as const
export const GRAPHQL_FIELDS = {
  isGraphql: 1,
  types: 2,
  operationType: 3,
  variables: 4,
  rootFields: 5,
  hasErrors: 6,
  errors: 7,
} as const
export const MCP_FIELDS = { isMcp: 1, jsonrpcMethod: 2, primitiveType: 3, primitiveName: 4 } as const
export const MAP_ENTRY_FIELDS = { key: 1, value: 2 } as const
export const REPEATED_FIELDS_FIELD = 1
