import { beforeAll, describe, expect, it } from 'vitest'
import { loadVector, loadVectors, parseExact } from '../../test/support/vectors.ts'
import { RecordDecodeError } from '../errors.ts'
import { formatRecord } from '../json.ts'
import { emptyRecord } from '../record.ts'
import { decodeRecordProtobuf } from './decode.ts'
import { encodeRecordProtobuf } from './encode.ts'

beforeAll(() => {
  process.env['TZ'] = 'UTC'
})

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const decodeHex = (text: string): ReturnType<typeof decodeRecordProtobuf> => decodeRecordProtobuf(hex(text))

describe('decodeRecordProtobuf', () => {
  it.each(loadVectors('protobuf'))('reads $name as Tyk does: $title', (vector) => {
    const record = decodeRecordProtobuf(vector.bytes)
    expect(parseExact(formatRecord(record))).toEqual(vector.printed)
    expect(record).toEqual(vector.record)
  })

  it('reads no bytes as a record of zeros, absent structures included', () => {
    expect(decodeHex('')).toEqual(emptyRecord())
  })

  it('skips unknown fields of every wire type, nested groups included', () => {
    const unknown = [
      'a006 01',
      'a106 0000000000000000',
      'a206 03 616263',
      'a506 00000000',
      'a306 a306 0801 a406 1201 78 a406',
    ]
    for (const field of unknown) {
      expect({ field, ...decodeHex(`${field} 12 01 47`) }).toEqual({ field, ...emptyRecord(), method: 'G' })
    }
  })

  it('takes a known field of another wire type for an unknown one', () => {
    expect(decodeHex('10 05 12 01 47').method).toBe('G')
    expect(decodeHex('2a 01 05 28 07').contentLength).toBe(7)
  })

  it('reads integers of all sizes', () => {
    expect(decodeHex('28 ffffffffffffffffff01').contentLength).toBe(-1)
    expect(decodeHex('28 ffffffffffffffff7f').contentLength).toBe(2n ** 63n - 1n)
    expect(decodeHex('28 80808080808080808001').contentLength).toBe(-(2n ** 63n))
    expect(decodeHex('38 ffffffff0f').day).toBe(-1)
    expect(decodeHex('28 8000').contentLength).toBe(0)
  })

  it('keeps the instants whatever the zone is called', () => {
    const times = '6a 06 08 a0bce7cb06 e201 06 08 a0bce7cb06'
    for (const zone of ['f201 00', 'f201 03 555443', 'f201 0b 4e6f2f537563685a6f6e65']) {
      const { timestamp, expireAt } = decodeHex(`${times} ${zone}`)
      expect([timestamp, expireAt]).toEqual([
        { seconds: 1769594400, nanos: 0 },
        { seconds: 1769594400, nanos: 0 },
      ])
    }
  })

  it('carries nanoseconds into seconds', () => {
    expect(decodeHex('6a 08 08 05 10 81a8d6b907').timestamp).toEqual({ seconds: 7, nanos: 1 })
    expect(decodeHex('6a 0d 08 05 10 ffffffffffffffffff01').timestamp).toEqual({ seconds: 4, nanos: 999999999 })
  })

  it('merges a structure that comes in two parts', () => {
    expect(decodeHex('9a01 02 0805 9a01 02 1003').latency).toEqual({ total: 5, upstream: 3, gateway: 0 })
  })

  it('reads what is no UTF-8 with a replacement for each byte', () => {
    expect(decodeHex('1a 03 2f e282').path).toBe('/\ufffd\ufffd')
  })

  it('reads GraphQL and MCP statistics, but neither error paths nor city names', () => {
    const record = emptyRecord()
    record.geo.city = { geonameId: 7, names: { en: 'Berlin' } }
    record.graphqlStats = {
      variables: '{}',
      rootFields: ['a', ''],
      types: JSON.parse('{"Q":["a","b"],"":[],"__proto__":["c"]}') as Record<string, string[]>,
      errors: [{ message: 'no', path: ['a', 1] }],
      operationType: 3,
      hasErrors: true,
      isGraphql: true,
    }
    record.mcpStats = { isMcp: true, jsonrpcMethod: 'tools/call', primitiveType: 'tool', primitiveName: 'add' }
    const decoded = decodeRecordProtobuf(encodeRecordProtobuf(record))
    record.geo.city.names = null
    record.graphqlStats.errors = [{ message: 'no', path: null }]
    expect(decoded).toEqual(record)
    expect(Object.keys(decoded.graphqlStats.types!)).toEqual(['Q', '', '__proto__'])
  })

  it('reads a view into the middle of a larger buffer', () => {
    const { bytes, record } = loadVector('protobuf', 'golden-keyless-get')
    const padded = new Uint8Array(bytes.length + 20).fill(0xff)
    padded.set(bytes, 7)
    expect(decodeRecordProtobuf(padded.subarray(7, 7 + bytes.length))).toEqual(record)
  })

  const REFUSED: [string, string, RegExp][] = [
    ['field number 0', '00 01', /there is no field number 0/],
    ['a field number beyond 29 bits', '80808080 10 01', /4294967296 is out of range/],
    ['a wire type that does not exist', '17 01', /wire type 7 does not exist/],
    ['the end of a group that did not begin', '14', /a group ends that did not begin/],
    ['a group without end', 'a306', /^field 100 at byte 2: the message ends at 2/],
    ['text longer than the message', '12 05 47', /^field 2 at byte 2: the message ends at 3/],
    ['text of four gigabytes', '12 ffffffff0f 47', /the message ends at 7/],
    ['a length beyond 32 bits', '12 ffffffffff0f', /out of range/],
    ['a varint of eleven bytes', '28 8080808080808080808001', /longer than ten bytes/],
    ['a cut varint', '28 80', /^field 5 at byte 2: the message ends at 2/],
    ['a nested message that reaches past its parent', '9a01 02 0880', /^field 1 at byte 5: the message ends at 5/],
    ['a cut double', 'ba01 05 1a 03 09 0000', /the message ends/],
    ['a time beyond doubles', '6a 0a 08 ffffffffffffffff7f', /the time is out of range/],
  ]
  it.each(REFUSED)('refuses %s and says where', (_name, text, message) => {
    expect(() => decodeHex(text)).toThrow(RecordDecodeError)
    expect(() => decodeHex(text)).toThrow(message)
  })
})
