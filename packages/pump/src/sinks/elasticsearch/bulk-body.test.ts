import { type AnalyticsRecord, RecordBlock, decodeRecord, emptyRecord, encodeRecord } from '@tek/analytics-record'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { jwtRecord, keylessRecord } from '../../../test/support/sink-records.ts'
import { type Element, readElements } from '../../lease/element.ts'
import { BulkWriter } from './bulk-body.ts'
import { createEncoder } from './encode.ts'
import { elasticsearchOptions } from './options.ts'

beforeAll(() => {
  // Fractions of a second stand before a zone that is no Z.
  process.env['TZ'] = 'Asia/Kolkata'
})

const elementsOf = (raws: readonly Uint8Array[]): readonly Element[] => readElements(new RecordBlock(raws), 'msgpack')

const FORMS: readonly { values: Record<string, unknown>; type: string | null }[] = [
  { values: {}, type: null },
  { values: { extended_stats: true, index_name: 'a-"b"' }, type: 'tyk_analytics' },
  { values: { extended_stats: true, decode_base64: true, rolling_index: true }, type: null },
  { values: { mcp_index_name: 'mcp' }, type: null },
]

const writers = FORMS.map(({ values, type }) => {
  const encoder = createEncoder(optionsOf(elasticsearchOptions, values))
  return { encoder, type, writer: new BulkWriter(optionsOf(elasticsearchOptions, values), encoder) }
})

/** In every form, the lines are those that the decoded records print. */
function expectSame(raws: readonly Uint8Array[]): void {
  const elements = elementsOf(raws)
  for (const { encoder, type, writer } of writers) {
    const lines = raws.map((raw, i) => {
      const record = decodeRecord(raw)
      const action = encoder.actionLine(encoder.indexOf(record), elements[i]!.id, type)
      return `${action}\n${encoder.document(record)}\n`
    })
    const { bytes, count, rejections } = writer.write(elements, type)
    expect(bytes.toString()).toBe(lines.join(''))
    expect([count, rejections.size]).toEqual([raws.length, 0])
  }
}

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.string({ maxLength: 60 }))
const base64 = fc.oneof(
  text,
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('base64')),
)
const record: fc.Arbitrary<AnalyticsRecord> = fc
  .record({
    method: text,
    path: text,
    rawPath: text,
    contentLength: fc.integer(),
    responseCode: fc.integer(),
    userAgent: text,
    apiKey: text,
    apiName: text,
    apiVersion: text,
    orgId: text,
    oauthId: text,
    requestTime: fc.integer(),
    rawRequest: base64,
    rawResponse: base64,
    ipAddress: text,
    alias: text,
    tags: fc.option(fc.array(text, { maxLength: 20 })),
    timestamp: fc.record({
      seconds: fc.integer({ min: -(2 ** 36), max: 2 ** 36 }),
      nanos: fc.oneof(fc.integer({ min: 0, max: 999_999_999 }), fc.constantFrom(0, 5, 500_000_000, 120_000)),
    }),
    mcpStats: fc.record({
      isMcp: fc.boolean(),
      jsonrpcMethod: fc.constant(''),
      primitiveType: text,
      primitiveName: fc.constant(''),
    }),
  })
  .map((fields) => Object.assign(emptyRecord(), fields))

describe('bulk body', () => {
  it('copies the ordinary records of a gateway without decoding them', () => {
    const raws = [keylessRecord(), jwtRecord({ path: '/ü"<a>&b' })].map((one) => Buffer.from(encodeRecord(one)))
    expect(elementsOf(raws).every(({ located }) => located !== null)).toBe(true)
    expectSame(raws)
  })

  it('holds what the decoded records print, whatever is in them', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), (records) => {
        expectSame(records.map((one) => Buffer.from(encodeRecord(one))))
      }),
      { numRuns: 300 },
    )
  })

  it('holds any byte of a path as the decoded record prints it', () => {
    const paths = Array.from({ length: 256 }, (_, byte) => `/a${String.fromCharCode(byte)}b`)
    expectSame(paths.map((path) => Buffer.from(encodeRecord(keylessRecord({ path }), { text: 'bytes' }))))
  })

  it('leaves out what has no document form, and says so', () => {
    const { writer, type } = writers[2]!
    const beyond = { seconds: 1e15, nanos: 0 }
    const raws = [keylessRecord(), keylessRecord({ timestamp: beyond }), jwtRecord()].map((one) =>
      Buffer.from(encodeRecord(one)),
    )
    const { bytes, count, rejections } = writer.write(elementsOf(raws), type)
    expect(count).toBe(2)
    expect([...rejections.keys()]).toEqual([1])
    expect(rejections.get(1)?.rejected).toContain('cannot be encoded')
    const others = writer.write(elementsOf([raws[0]!, raws[2]!]), type)
    expect(bytes.equals(others.bytes)).toBe(true)
  })

  it('does not write into a body that was handed out', () => {
    const { writer, type } = writers[0]!
    const [first, second] = [keylessRecord(), jwtRecord()].map((one) => elementsOf([encodeRecord(one)]))
    const { bytes } = writer.write(first!, type)
    const before = bytes.toString()
    writer.write(second!, type)
    expect(bytes.toString()).toBe(before)
  })
})
