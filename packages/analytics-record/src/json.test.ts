import { afterEach, describe, expect, it } from 'vitest'
import { formatInstant, formatRecord, goJson, goJsonNumber, goJsonString } from './json.ts'
import { emptyRecord, ZERO_INSTANT } from './record.ts'

const at = (text: string, nanos = 0): { seconds: number; nanos: number } => ({
  seconds: Date.parse(text) / 1000,
  nanos,
})

describe('formatInstant', () => {
  const original = process.env['TZ']
  afterEach(() => {
    if (original === undefined) delete process.env['TZ']
    else process.env['TZ'] = original
  })

  const FRACTIONS: [number, string][] = [
    [0, 'Z'],
    [100_000_000, '.1Z'],
    [120_000_000, '.12Z'],
    [100_000_001, '.100000001Z'],
    [1, '.000000001Z'],
    [999_999_999, '.999999999Z'],
    [1_000_000, '.001Z'],
    [100_000, '.0001Z'],
  ]
  it.each(FRACTIONS)('prints %i nanoseconds as %s', (nanos, end) => {
    expect(formatInstant(at('2026-01-28T10:00:00Z', nanos), 0)).toBe(`2026-01-28T10:00:00${end}`)
  })

  const OFFSETS: [number, string][] = [
    [0, '2026-01-28T23:30:00Z'],
    [330, '2026-01-29T05:00:00+05:30'],
    [-210, '2026-01-28T20:00:00-03:30'],
    [840, '2026-01-29T13:30:00+14:00'],
  ]
  it.each(OFFSETS)('prints a zone %i minutes east as %s', (minutes, text) => {
    expect(formatInstant(at('2026-01-28T23:30:00Z'), minutes)).toBe(text)
  })

  const YEARS: [number, string][] = [
    [ZERO_INSTANT.seconds, '0001-01-01T00:00:00Z'],
    [-62167219200, '0000-01-01T00:00:00Z'],
    [-62167219201, '-0001-12-31T23:59:59Z'],
    [-1, '1969-12-31T23:59:59Z'],
    [951782400, '2000-02-29T00:00:00Z'],
    [4107542399, '2100-02-28T23:59:59Z'],
    [253402300799, '9999-12-31T23:59:59Z'],
    [253402300800, '10000-01-01T00:00:00Z'],
  ]
  it.each(YEARS)('prints second %i as %s', (seconds, text) => {
    expect(formatInstant({ seconds, nanos: 0 }, 0)).toBe(text)
  })

  it('agrees with Date on every day of 800 years', () => {
    for (let day = -200_000; day < 92_000; day += 7) {
      const seconds = day * 86_400 + 3_661
      expect(formatInstant({ seconds, nanos: 0 }, 0)).toBe(new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'))
    }
  })

  it('uses the offset that the local zone has at that time', () => {
    process.env['TZ'] = 'Europe/Berlin'
    expect(formatInstant(at('2026-03-04T15:06:07Z', 89_000_000))).toBe('2026-03-04T16:06:07.089+01:00')
    expect(formatInstant(at('2026-07-01T20:00:00Z'))).toBe('2026-07-01T22:00:00+02:00')
    process.env['TZ'] = 'Asia/Kolkata'
    expect(formatInstant(at('2026-07-01T20:00:00Z'))).toBe('2026-07-02T01:30:00+05:30')
    process.env['TZ'] = 'Europe/London'
    expect(formatInstant(at('2026-01-28T10:00:00Z'))).toBe('2026-01-28T10:00:00Z')
  })

  it('prints the local mean time of an instant before there were zones', () => {
    process.env['TZ'] = 'Asia/Kolkata'
    expect(formatInstant(ZERO_INSTANT)).toBe('0001-01-01T05:53:28+05:53')
    process.env['TZ'] = 'America/New_York'
    expect(formatInstant(ZERO_INSTANT)).toBe('0000-12-31T19:03:58-04:56')
  })

  it('prints instants that Date does not know in UTC', () => {
    process.env['TZ'] = 'Asia/Kolkata'
    expect(formatInstant({ seconds: 1e15, nanos: 0 })).toMatch(/^31690708-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    expect(formatInstant({ seconds: -1e15, nanos: 0 })).toMatch(/^-\d+-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  })
})

describe('goJsonString', () => {
  const TEXTS: [string, string][] = [
    ['', '""'],
    ['/get', '"/get"'],
    ['größe 日本 🚀 \x7f', '"größe 日本 🚀 \x7f"'],
    ['<b>&"\\', '"\\u003cb\\u003e\\u0026\\"\\\\"'],
    ['\u2028\u2029', '"\\u2028\\u2029"'],
    ['\u0001\t\r\n', '"\\u0001\\t\\r\\n"'],
    ['\ufffd', '"\ufffd"'],
    ['a\ud800b', '"a\ufffdb"'],
  ]
  it.each(TEXTS)('prints %j as Go does', (text, expected) => {
    expect(goJsonString(text)).toBe(expected)
    expect(JSON.parse(goJsonString(text))).toBe(text.toWellFormed())
  })
})

describe('goJsonNumber', () => {
  const NUMBERS: [number | bigint, string][] = [
    [0, '0'],
    [-0, '-0'],
    [52.5167, '52.5167'],
    [1e20, '100000000000000000000'],
    [1e21, '1e+21'],
    [0.000001, '0.000001'],
    [1e-7, '1e-7'],
    [9007199254740993n, '9007199254740993'],
    [NaN, 'null'],
    [Infinity, 'null'],
  ]
  it.each(NUMBERS)('prints %s as %s', (value, expected) => {
    expect(goJsonNumber(value)).toBe(expected)
  })
})

describe('goJson', () => {
  it('sorts keys by their bytes at every level', () => {
    const value = {
      b: [1, { z: null, y: true }],
      a: 'x',
      '@t': 2n,
      aa: false,
      '\u{1f680}': 1,
      '\uff00': 2,
      u: undefined,
    }
    expect(goJson(value)).toBe(
      '{"@t":2,"a":"x","aa":false,"b":[1,{"y":true,"z":null}],"u":null,"\uff00":2,"\u{1f680}":1}',
    )
  })
})

describe('formatRecord', () => {
  it('prints the members in the order of the Go structure', () => {
    const tags = ['key-k1234567', 'org-org1', 'api-httpbin1']
    process.env['TZ'] = 'UTC'
    const record = {
      ...emptyRecord(),
      method: 'GET',
      host: 'localhost:8080',
      path: '/httpbin/get',
      rawPath: '/httpbin/get',
      userAgent: 'curl/8.5.0',
      day: 4,
      month: 3,
      year: 2026,
      hour: 15,
      responseCode: 200,
      apiKey: 'k1234567',
      timestamp: at('2026-03-04T15:06:07Z', 89_000_000),
      apiVersion: 'Default',
      apiName: 'httpbin',
      apiId: 'httpbin1',
      orgId: 'org1',
      requestTime: 15,
      ipAddress: '127.0.0.1',
      latency: { total: 15, upstream: 12, gateway: 3 },
      tags,
      expireAt: at('2026-03-11T15:06:07Z', 89_000_000),
      originalPath: '/httpbin/get',
      listenPath: '/httpbin/',
      collectionName: 'never printed',
    }
    expect(formatRecord(record)).toBe(
      '{"method":"GET","host":"localhost:8080","path":"/httpbin/get","raw_path":"/httpbin/get","content_length":0,"user_agent":"curl/8.5.0","day":4,"month":3,"year":2026,"hour":15,"response_code":200,"api_key":"k1234567","timestamp":"2026-03-04T15:06:07.089Z","api_version":"Default","api_name":"httpbin","api_id":"httpbin1","org_id":"org1","oauth_id":"","request_time":15,"raw_request":"","raw_response":"","ip_address":"127.0.0.1","geo":{"country":{"iso_code":""},"city":{"geoname_id":0,"names":null},"location":{"latitude":0,"longitude":0,"time_zone":""}},"network":{"open_connections":0,"closed_connections":0,"bytes_in":0,"bytes_out":0},"latency":{"total":15,"upstream":12,"gateway":3},"tags":["key-k1234567","org-org1","api-httpbin1"],"alias":"","track_path":false,"expireAt":"2026-03-11T15:06:07.089Z","api_schema":"","original_path":"/httpbin/get","listen_path":"/httpbin/","graphql_stats":{"Variables":"","RootFields":null,"Types":null,"Errors":null,"OperationType":0,"HasErrors":false,"IsGraphQL":false},"mcp_stats":{"is_mcp":false,"jsonrpc_method":"","primitive_type":"","primitive_name":""}}',
    )
  })

  it('prints GraphQL errors, city names in byte order and integers of 64 bits', () => {
    const record = emptyRecord()
    record.geo.city.names = { en: 'Berlin', de: 'Berlin<' }
    record.contentLength = 2n ** 63n - 1n
    record.tags = []
    record.graphqlStats = {
      ...record.graphqlStats,
      types: { Query: ['b', 'a'], Info: [] },
      errors: [{ message: 'no & no', path: ['a', 0, { z: 1, b: null }] }],
    }
    const text = formatRecord(record)
    expect(text).toContain('"names":{"de":"Berlin\\u003c","en":"Berlin"}')
    expect(text).toContain('"content_length":9223372036854775807')
    expect(text).toContain('"tags":[]')
    expect(text).toContain('"Types":{"Info":[],"Query":["b","a"]}')
    expect(text).toContain('"Errors":[{"message":"no \\u0026 no","path":["a",0,{"b":null,"z":1}]}]')
  })
})
