import { encodeRecord, RecordBlock } from '@tek/analytics-record'
import { describe, expect, it } from 'vitest'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { jwtRecord, keylessRecord, pumpRecord } from '../../../test/support/sink-records.ts'
import { readElements } from '../../lease/element.ts'
import { createForm } from './form.ts'
import { DATA_STREAM_MAPPINGS } from './index-management/data-stream.ts'
import { elasticsearchOptions } from './options.ts'

const STREAM = 'logs-tyk.access-default'
const formWith = (values = {}) => createForm(optionsOf(elasticsearchOptions, { data_stream: STREAM, ...values }))
const documentOf = (record: ReturnType<typeof keylessRecord>, values = {}) =>
  JSON.parse(formWith(values).encoder.document(record)) as Record<string, unknown>

const LONDON = {
  country: { isoCode: 'GB' },
  city: { geonameId: 2_643_743, names: { de: 'London (de)', en: 'London' } },
  location: { latitude: 51.5142, longitude: -0.0931, timeZone: 'Europe/London' },
}

describe('document', () => {
  it('has the fields of the Elastic Common Schema, and the rest below tyk', () => {
    const record = jwtRecord({ geo: LONDON, contentLength: 12, orgId: 'acme', oauthId: 'client-1' })
    expect(formWith().encoder.document(record)).toBe(
      '{"@timestamp":"2020-01-10T20:21:07.0041203Z",' +
        '"client":{"geo":{"city_name":"London","country_iso_code":"GB","location":{"lat":51.5142,"lon":-0.0931}},"ip":"172.22.0.1"},' +
        '"event":{"duration":7000000},' +
        '"http":{"request":{"body":{"bytes":12},"method":"GET"},"response":{"status_code":200}},' +
        '"tags":["pol-5e189590801287e42a6cf5ce","user-foo@bar.com","key-df992c71","api-httpbin-jwt"],' +
        '"tyk":{"alias":"foo@bar.com","api":{"id":"httpbin-jwt","name":"httpbin-jwt","version":"Non Versioned"},' +
        '"api_key":"df992c71","latency":{"gateway_ms":1,"total_ms":7,"upstream_ms":6},"listen_path":"/httpbin-jwt/",' +
        '"oauth_id":"client-1","org_id":"acme","raw_path":"/get"},' +
        '"url":{"original":"/httpbin-jwt/get","path":"/get"},"user_agent":{"original":"curl/7.67.0"}}',
    )
  })

  it.each([
    [
      'a place of 0, 0',
      { geo: { ...LONDON, location: { latitude: 0, longitude: 0, timeZone: '' } } },
      ['city_name', 'country_iso_code'],
    ],
    [
      'a city without an English name',
      { geo: { ...LONDON, city: { geonameId: 1, names: { de: 'x' } } } },
      ['country_iso_code', 'location'],
    ],
    [
      'a place on the equator',
      { geo: { ...LONDON, location: { latitude: 0, longitude: 32.5, timeZone: '' } } },
      ['city_name', 'country_iso_code', 'location'],
    ],
  ])('says what is known of %s', (_, changes, names) => {
    const { client } = documentOf(keylessRecord(changes)) as { client: { geo: object } }
    expect(Object.keys(client.geo)).toEqual(names)
  })

  it('leaves out an address, a place and a length that are not known', () => {
    const document = documentOf(keylessRecord({ ipAddress: '', contentLength: -1, tags: null }))
    expect(document).not.toHaveProperty('client')
    expect(document).toMatchObject({ http: { request: { method: 'GET' } }, tags: null })
    expect(document).not.toHaveProperty('http.request.body')
    expect(documentOf(keylessRecord())).toMatchObject({ client: { ip: '172.22.0.1' } })
    expect(documentOf(keylessRecord())).not.toHaveProperty('client.geo')
  })

  it.each([
    [4, '4000000'],
    [-1, '-1000000'],
    [9_007_199_254_740_991, '9007199254740991000000'],
    [9_223_372_036_854n, '9223372036854000000'],
  ])('gives %s ms in exact nanoseconds', (requestTime, nanoseconds) => {
    expect(formWith().encoder.document(keylessRecord({ requestTime }))).toContain(`"event":{"duration":${nanoseconds}}`)
  })

  it('has the raw texts with extended_stats only', () => {
    const record = keylessRecord({ rawRequest: 'R0VU', rawResponse: 'R0VU' })
    expect(documentOf(record)['tyk']).not.toHaveProperty('raw_request')
    expect(documentOf(record, { extended_stats: true })).toMatchObject({ tyk: { raw_request: 'R0VU' } })
    const decoded = formWith({ extended_stats: true, decode_base64: true })
    expect(JSON.parse(decoded.encoder.document(record))).toMatchObject({
      tyk: { raw_request: 'GET', raw_response: 'GET' },
    })
    expect(JSON.parse(decoded.encoder.document(record, false))).toMatchObject({
      tyk: { raw_request: '', raw_response: '' },
    })
    expect(decoded.rawFields).toEqual(['tyk.raw_request', 'tyk.raw_response'])
  })

  it('tells MCP calls, which go into the same stream', () => {
    const mcpStats = { isMcp: true, jsonrpcMethod: 'tools/call', primitiveType: 'tool', primitiveName: 'search' }
    const record = keylessRecord({ mcpStats })
    expect(documentOf(record)).toMatchObject({
      tyk: { mcp: { method: 'tools/call', primitive_name: 'search', primitive_type: 'tool' } },
    })
    expect(formWith().encoder.indexOf(record)).toBe(STREAM)
  })

  it('has no field that the mapping does not know', () => {
    const mcpStats = { isMcp: true, jsonrpcMethod: 'a', primitiveType: 'b', primitiveName: 'c' }
    const document = documentOf(jwtRecord({ geo: LONDON, mcpStats }), { extended_stats: true })
    const { properties } = DATA_STREAM_MAPPINGS as { properties: Record<string, { type: string }> }
    const mapped = Object.keys(properties).filter((name) => properties[name]?.type !== 'alias')
    expect(namesIn(document, mapped).sort()).toEqual(mapped.sort())
  })
})

describe('bulk body', () => {
  it('is the same for records that lie in a block, and leaves out what has no document', () => {
    const { writer, encoder } = formWith()
    const records = [
      keylessRecord(),
      jwtRecord({ path: '/ü"<a>&b' }),
      keylessRecord({ timestamp: { seconds: 1, nanos: 5 } }),
    ]
    const elements = readElements(new RecordBlock(records.map((record) => encodeRecord(record))), 'msgpack')
    const { bytes, count } = writer.write(elements, null)
    const lines = records.map(
      (record, i) => `{"create":{"_index":"${STREAM}","_id":"${elements[i]!.id}"}}\n${encoder.document(record)}\n`,
    )
    expect([bytes.toString(), count]).toEqual([lines.join(''), 3])

    const odd = pumpRecord(keylessRecord({ requestTime: NaN }), 'odd')
    const { rejections, count: left } = writer.write([odd, pumpRecord(keylessRecord(), 'b')], null)
    expect([[...rejections.keys()], left]).toEqual([[0], 1])
    expect(rejections.get(0)?.rejected).toContain('cannot be encoded')
  })
})

function namesIn(value: unknown, leaves: readonly string[], path = ''): string[] {
  if (leaves.includes(path) || typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([name, member]) =>
    namesIn(member, leaves, path === '' ? name : `${path}.${name}`),
  )
}
