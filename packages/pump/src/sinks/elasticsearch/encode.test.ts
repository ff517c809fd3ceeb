import { beforeAll, describe, expect, it } from 'vitest'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { jwtRecord, keylessRecord } from '../../../test/support/sink-records.ts'
import { decodeBase64Text } from './base64.ts'
import { createEncoder } from './encode.ts'
import { elasticsearchOptions } from './options.ts'

const encoderWith = (values = {}) => createEncoder(optionsOf(elasticsearchOptions, values))

beforeAll(() => {
  process.env['TZ'] = 'UTC'
})

const KEYS = [
  '@timestamp',
  'alias',
  'api_id',
  'api_key',
  'api_name',
  'api_version',
  'content_length',
  'http_method',
  'ip_address',
  'oauth_id',
  'org_id',
  'request_time_ms',
  'request_uri',
  'request_uri_full',
  'response_code',
  'tags',
]

describe('document', () => {
  it('has the 16 standard fields in byte order', () => {
    expect(encoderWith().document(jwtRecord({ contentLength: -1, tags: null }))).toBe(
      '{"@timestamp":"2020-01-10T20:21:07.0041203Z","alias":"foo@bar.com","api_id":"httpbin-jwt","api_key":"df992c71",' +
        '"api_name":"httpbin-jwt","api_version":"Non Versioned","content_length":-1,"http_method":"GET",' +
        '"ip_address":"172.22.0.1","oauth_id":"","org_id":"","request_time_ms":7,"request_uri":"/get",' +
        '"request_uri_full":"/get","response_code":200,"tags":null}',
    )
  })

  it('has 19 with extended_stats, raw texts as they are', () => {
    const document = JSON.parse(
      encoderWith({ extended_stats: true }).document(keylessRecord({ rawRequest: 'R0VU' })),
    ) as object
    expect(Object.keys(document)).toEqual([...KEYS, 'raw_request', 'raw_response', 'user_agent'].sort())
    expect(document).toMatchObject({ raw_request: 'R0VU', raw_response: '', user_agent: 'curl/7.67.0' })
  })

  it('decodes raw texts with decode_base64, and adds none without extended_stats', () => {
    const record = keylessRecord({ rawRequest: 'R0VU', rawResponse: 'R0VUI!' })
    const decoded = encoderWith({ extended_stats: true, decode_base64: true }).document(record)
    expect(JSON.parse(decoded)).toMatchObject({ raw_request: 'GET', raw_response: 'GET' })
    expect(encoderWith({ decode_base64: true }).document(record)).not.toContain('raw_')
  })

  it('writes the escapes of Go and exact integers', () => {
    const document = encoderWith().document(
      keylessRecord({ path: '/<a>&\u2028"', requestTime: 9_223_372_036_854_775_807n }),
    )
    expect(document).toContain('"request_uri":"/\\u003ca\\u003e\\u0026\\u2028\\""')
    expect(document).toContain('"request_time_ms":9223372036854775807')
  })

  it('adds three fields to records of MCP calls and can send them elsewhere', () => {
    const mcp = { isMcp: true, jsonrpcMethod: 'tools/call', primitiveType: 'tool', primitiveName: 'search' }
    const record = keylessRecord({ mcpStats: mcp })
    const encoder = encoderWith({ mcp_index_name: 'mcp' })
    const document = JSON.parse(encoder.document(record)) as object
    expect(Object.keys(document)).toEqual([...KEYS, 'mcp_method', 'mcp_primitive_name', 'mcp_primitive_type'].sort())
    expect([encoder.indexOf(record), encoder.indexOf(keylessRecord())]).toEqual(['mcp', 'tyk_analytics'])
  })
})

describe('index', () => {
  it.each([
    [1_578_687_533, 'tyk_analytics-2020.01.10'],
    [1_577_836_799, 'tyk_analytics-2019.12.31'],
    [1_577_836_800, 'tyk_analytics-2020.01.01'],
    [-62_135_596_800, 'tyk_analytics-0001.01.01'],
  ])("rolls by the record's own UTC day: %i is %s", (seconds, index) => {
    const encoder = encoderWith({ rolling_index: true })
    expect(encoder.indexOf(keylessRecord({ timestamp: { seconds, nanos: 999_999_999 } }))).toBe(index)
  })

  it('goes into the action line, with a type only where there are types', () => {
    expect(encoderWith().actionLine('i', 'x', 'hit')).toBe('{"create":{"_index":"i","_type":"hit","_id":"x"}}')
    expect(encoderWith().actionLine('i', 'x', null)).toBe('{"create":{"_index":"i","_id":"x"}}')
  })
})

describe('decodeBase64Text', () => {
  it.each([
    ['', ''],
    ['R0VU', 'GET'],
    ['R0VUIA==', 'GET '],
    ['R0VUIC8=', 'GET /'],
    ['R0VU\r\nIC8=\n', 'GET /'],
    ['R0VUIC8', 'GET'],
    ['R0VUI', 'GET'],
    ['R0VU!!!!', 'GET'],
    ['R0VUIA==R0VU', 'GET '],
    ['R0VU=', 'GET'],
    ['!R0VU', ''],
    ['w6TDtvCfmoA=', 'äö🚀'],
    // Cut in the middle of a character: one replacement per byte.
    ['4piD4pg=', '☃\uFFFD\uFFFD'],
    ['/wD+QQ==', '\uFFFD\u0000\uFFFDA'],
  ])('decodes %j to %j', (text, decoded) => {
    expect(decodeBase64Text(text)).toBe(decoded)
  })
})
