import { describe, expect, it } from 'vitest'
import { loadVector, loadVectors } from '../../test/support/vectors.ts'
import { RecordEncodeError } from '../errors.ts'
import { emptyRecord, type AnalyticsRecord } from '../record.ts'
import { encodeRecordProtobuf } from './encode.ts'

const encodeHex = (changes: Partial<AnalyticsRecord>): string =>
  encodeRecordProtobuf({ ...emptyRecord(), ...changes }).toString('hex')

const ZERO_TIME_HEX = '0b088092b8c398feffffff01'

describe('encodeRecordProtobuf', () => {
  it.each(loadVectors('protobuf').filter((vector) => vector.written))('writes the golden bytes of $name', (vector) => {
    expect(encodeRecordProtobuf(vector.record).toString('hex')).toBe(vector.bytes.toString('hex'))
  })

  it('leaves the gateway share of the latency out', () => {
    const { record, bytes } = loadVector('protobuf', 'golden-keyless-get')
    const timed = { ...record, latency: { ...record.latency, gateway: 1 } }
    expect(encodeRecordProtobuf(timed).equals(bytes)).toBe(true)
  })

  it('writes every structure that a Tyk pump dereferences, even when empty', () => {
    expect(encodeHex({})).toBe(`6a${ZERO_TIME_HEX}9a0100ba01060a0012001a00c20100e201${ZERO_TIME_HEX}f201054c6f63616c`)
  })

  const FIELDS: [string, Partial<AnalyticsRecord>, string][] = [
    ['an unknown length as ten bytes', { contentLength: -1 }, '28ffffffffffffffffff01'],
    ['a length beyond doubles', { contentLength: 2n ** 63n - 1n }, '28ffffffffffffffff7f'],
    ['a length beyond 32 bits', { contentLength: 4294967296 }, '288080808010'],
    ['a negative code', { responseCode: -1 }, '58ffffffffffffffffff01'],
    ['tags, also empty ones', { tags: ['a', '', 'ü'] }, 'ca010161ca0100ca0102c3bc'],
    ['true', { trackPath: true }, 'd80101'],
    ['a long text', { rawRequest: 'x'.repeat(200) }, `a201c801${'78'.repeat(200)}`],
    ['the epoch as an empty time', { timestamp: { seconds: 0, nanos: 0 } }, '6a009a0100'],
    [
      'a structure of more than 127 bytes',
      { mcpStats: { isMcp: true, jsonrpcMethod: 'x'.repeat(150), primitiveType: '', primitiveName: '' } },
      `8a029b0108011296 01${'78'.repeat(150)}`,
    ],
  ]
  it.each(FIELDS)('writes %s', (_name, changes, expected) => {
    expect(encodeHex(changes)).toContain(expected.replaceAll(' ', ''))
  })

  const REFUSED: [string, Partial<AnalyticsRecord>, RegExp][] = [
    ['a lone surrogate', { path: '\ud800' }, /^path: protobuf text must be valid UTF-8$/],
    ['a lone surrogate in a tag', { tags: ['\udc00'] }, /^tags: /],
    ['a day beyond 32 bits', { day: 2 ** 31 }, /^day: expected a 32-bit integer, got 2147483648$/],
    ['a fraction', { contentLength: 0.5 }, /^contentLength: expected an integer, got 0.5$/],
    ['a length beyond 64 bits', { contentLength: 2n ** 63n }, /^contentLength: .* exceeds 64 bits$/],
    ['a fraction of a second', { timestamp: { seconds: 0.5, nanos: 0 } }, /^timestamp.seconds: /],
  ]
  it.each(REFUSED)('refuses %s and names the field', (_name, changes, message) => {
    expect(() => encodeHex(changes)).toThrow(RecordEncodeError)
    expect(() => encodeHex(changes)).toThrow(message)
  })
})
