import * as fc from 'fast-check'
import type { AnalyticsRecord, Instant } from '../../src/record.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 200 })
const int64 = fc
  .oneof(fc.integer(), fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
  // Numbers where they are exact: the form in which a reader gives them back.
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) + 0 : value))
const int32 = fc.integer()
const instant: fc.Arbitrary<Instant> = fc.record({
  seconds: fc.oneof(fc.integer({ min: 0, max: 2 ** 33 }), fc.maxSafeInteger()),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
})
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null })
const texts = fc.array(text, { maxLength: 20 })
const map = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(fc.oneof(text, fc.constant('__proto__')), value, { maxKeys: 20, noNullPrototype: true })
const pathMember = fc.oneof(
  text,
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
  fc.array(text, { maxLength: 3 }),
)

/** Any record that a writer may hold; numbers within the fields' ranges, text without lone surrogates. */
export const arbitraryRecord: fc.Arbitrary<AnalyticsRecord> = fc.record({
  method: text,
  host: text,
  path: text,
  rawPath: text,
  contentLength: int64,
  userAgent: text,
  day: int32,
  month: int32,
  year: int32,
  hour: int32,
  responseCode: int32,
  apiKey: text,
  timestamp: instant,
  apiVersion: text,
  apiName: text,
  apiId: text,
  orgId: text,
  oauthId: text,
  requestTime: int64,
  rawRequest: fc.oneof(text, fc.string({ minLength: 200, maxLength: 3000 })),
  rawResponse: text,
  ipAddress: text,
  geo: fc.record({
    country: fc.record({ isoCode: text }),
    city: fc.record({ geonameId: fc.nat({ max: 0xffff_ffff }), names: nullable(map(text)) }),
    location: fc.record({ latitude: fc.double(), longitude: fc.double(), timeZone: text }),
  }),
  network: fc.record({ openConnections: int64, closedConnections: int64, bytesIn: int64, bytesOut: int64 }),
  latency: fc.record({ total: int64, upstream: int64, gateway: int64 }),
  tags: nullable(texts),
  alias: text,
  trackPath: fc.boolean(),
  expireAt: instant,
  apiSchema: text,
  originalPath: text,
  listenPath: text,
  graphqlStats: fc.record({
    variables: text,
    rootFields: nullable(texts),
    types: nullable(map(texts)),
    errors: nullable(
      fc.array(fc.record({ message: text, path: nullable(fc.array(pathMember, { maxLength: 5 })) }), { maxLength: 5 }),
    ),
    operationType: fc.integer({ min: 0, max: 3 }),
    hasErrors: fc.boolean(),
    isGraphql: fc.boolean(),
  }),
  mcpStats: fc.record({ isMcp: fc.boolean(), jsonrpcMethod: text, primitiveType: text, primitiveName: text }),
  collectionName: text,
})
