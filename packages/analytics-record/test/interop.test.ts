import { decode, Encoder } from '@msgpack/msgpack'
import * as fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { decodeRecord, encodeRecord, RECORD_FIELDS, type AnalyticsRecord } from '../src/index.ts'
import { arbitraryRecord } from './support/arbitrary-record.ts'
import { loadVector } from './support/vectors.ts'

/** The record as the plain object that a general msgpack library sees. */
function wireObject(record: AnalyticsRecord): Record<string, unknown> {
  const { geo, network, graphqlStats: graphql, mcpStats: mcp } = record
  const nested: Record<string, unknown> = {
    Geo: {
      Country: { ISOCode: geo.country.isoCode },
      City: { GeoNameID: geo.city.geonameId, Names: geo.city.names },
      Location: {
        Latitude: geo.location.latitude,
        Longitude: geo.location.longitude,
        TimeZone: geo.location.timeZone,
      },
    },
    Network: {
      OpenConnections: network.openConnections,
      ClosedConnection: network.closedConnections,
      BytesIn: network.bytesIn,
      BytesOut: network.bytesOut,
    },
    Latency: { Total: record.latency.total, Upstream: record.latency.upstream, Gateway: record.latency.gateway },
    TimeStamp: [record.timestamp.seconds, record.timestamp.nanos],
    ExpireAt: [record.expireAt.seconds, record.expireAt.nanos],
    GraphQLStats: {
      Variables: graphql.variables,
      RootFields: graphql.rootFields,
      Types: graphql.types,
      Errors: graphql.errors?.map(({ message, path }) => ({ Message: message, Path: path })) ?? null,
      OperationType: graphql.operationType,
      HasErrors: graphql.hasErrors,
      IsGraphQL: graphql.isGraphql,
    },
    MCPStats: {
      IsMCP: mcp.isMcp,
      JSONRPCMethod: mcp.jsonrpcMethod,
      PrimitiveType: mcp.primitiveType,
      PrimitiveName: mcp.primitiveName,
    },
  }
  return Object.fromEntries(RECORD_FIELDS.map(({ name, wire }) => [wire, nested[wire] ?? record[name]]))
}

/**
 * Leaves out what those libraries treat in a way of their own: the member name `__proto__`, 64-bit integers, and -0,
 * which they write as an integer.
 */
const ordinary = arbitraryRecord.filter((record) => !isSpecial(record))

const isSpecial = (value: unknown): boolean =>
  typeof value === 'bigint' ||
  Object.is(value, -0) ||
  (typeof value === 'object' &&
    value !== null &&
    Object.entries(value).some(([name, member]) => name === '__proto__' || isSpecial(member)))

const ordinaryRecords = fc.sample(ordinary, { numRuns: 100, seed: 1 })
const golden = loadVector('msgpack', 'golden-jwt-post')

describe('bytes of encodeRecord', () => {
  it('are read by @msgpack/msgpack', () => {
    expect(decode(encodeRecord(golden.record))).toEqual(wireObject(golden.record))
    for (const record of ordinaryRecords) expect(decode(encodeRecord(record))).toEqual(wireObject(record))
  })

  it('are read by msgpackr', () => {
    const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' })
    expect(unpackr.unpack(encodeRecord(golden.record))).toEqual(wireObject(golden.record))
    for (const record of ordinaryRecords) expect(unpackr.unpack(encodeRecord(record))).toEqual(wireObject(record))
  })
})

describe('decodeRecord', () => {
  it('reads what @msgpack/msgpack writes', () => {
    const encoder = new Encoder()
    for (const record of [golden.record, ...ordinaryRecords]) {
      expect(decodeRecord(encoder.encode(wireObject(record)))).toEqual(record)
    }
  })

  it('reads what msgpackr writes, floats in place of large integers included', () => {
    const packr = new Packr({ useRecords: false })
    for (const record of [golden.record, ...ordinaryRecords]) {
      expect(decodeRecord(packr.pack(wireObject(record)))).toEqual(record)
    }
  })

  it('reads dates as those libraries write them', () => {
    const date = new Date('2026-01-28T10:00:00.123Z')
    const instant = { seconds: 1769594400, nanos: 123_000_000 }
    expect(decodeRecord(new Encoder().encode({ TimeStamp: date })).timestamp).toEqual(instant)
    expect(decodeRecord(new Packr({ useRecords: false }).pack({ TimeStamp: date })).timestamp).toEqual(instant)
  })
})
