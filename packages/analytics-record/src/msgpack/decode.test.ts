import { beforeAll, describe, expect, it } from 'vitest'
import { loadVector, loadVectors, parseExact } from '../../test/support/vectors.ts'
import { RecordDecodeError } from '../errors.ts'
import { formatRecord } from '../json.ts'
import { emptyRecord, ZERO_INSTANT, type AnalyticsRecord } from '../record.ts'
import { decodeRecord } from './decode.ts'
import { encodeRecord } from './encode.ts'
import { key } from './runs.ts'

beforeAll(() => {
  process.env['TZ'] = 'UTC'
})

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
/** A record with one key, its value in hexadecimal. */
const one = (wire: string, value: string): Buffer => Buffer.concat([hex('81'), key(wire), hex(value)])
const decodeOne = (wire: string, value: string): AnalyticsRecord => decodeRecord(one(wire, value))
const textHex = (text: string): string => key(text).toString('hex')

describe('decodeRecord', () => {
  it.each(loadVectors('msgpack'))('reads $name as Tyk does: $title', (vector) => {
    const record = decodeRecord(vector.bytes)
    expect(parseExact(formatRecord(record))).toEqual(vector.printed)
    expect(record).toEqual(vector.record)
  })

  const INTEGERS: [string, string, number | bigint][] = [
    ['positive fixint', '05', 5],
    ['negative fixint', 'ff', -1],
    ['uint8', 'cc c8', 200],
    ['uint16', 'cd 01 90', 400],
    ['uint32', 'ce ff ff ff ff', 4294967295],
    ['uint64', 'cf 00 00 00 01 25 71 fc 20', 4923194400],
    ['int8', 'd0 df', -33],
    ['int16', 'd1 ff 7f', -129],
    ['int32', 'd2 80 00 00 00', -2147483648],
    ['int64', 'd3 ff ff ff f1 88 6e 09 00', -62135596800],
    ['int64 at the edge of doubles', 'd3 ff e0 00 00 00 00 00 01', -Number.MAX_SAFE_INTEGER],
    ['uint64 beyond doubles', 'cf 00 20 00 00 00 00 00 01', 9007199254740993n],
    ['int64 minimum', 'd3 80 00 00 00 00 00 00 00', -(2n ** 63n)],
    ['uint64 beyond int64, which wraps as in Go', 'cf ff ff ff ff ff ff ff ff', -1],
    ['nil', 'c0', 0],
    ['whole float64', 'cb 41 f2 57 1f c2 00 00 00', 4923194400],
    ['whole float32', 'ca 40 a0 00 00', 5],
    ['float -0', 'cb 80 00 00 00 00 00 00 00', 0],
  ]
  it.each(INTEGERS)('takes an integer as %s', (_name, value, expected) => {
    expect(decodeOne('ContentLength', value).contentLength).toBe(expected)
  })

  const TIMES: [string, string, number, number][] = [
    ['fixints', '92 01 02', 1, 2],
    ['integers of odd widths', '92 d3 00 00 00 00 69 79 de 20 d1 00 7f', 1769594400, 127],
    ['nil members', '92 c0 c0', 0, 0],
    ['surplus nanoseconds', '92 05 ce 77 35 94 01', 7, 1],
    ['negative nanoseconds', '92 05 ff', 4, 999999999],
    ['array16', 'dc 00 02 01 02', 1, 2],
    ['array32', 'dd 00 00 00 02 01 02', 1, 2],
    ['float members', '92 cb 3f f8 00 00 00 00 00 00 cb 40 00 00 00 00 00 00 00', 1, 500000002],
    ['timestamp 32', 'd6 ff 69 79 de 20', 1769594400, 0],
    ['timestamp 64', 'd7 ff 00 00 01 fc 69 79 de 20', 1769594400, 127],
    ['timestamp 96', 'c7 0c ff 00 00 00 7f ff ff ff f1 88 6e 09 00', -62135596800, 127],
    ['RFC 3339', textHex('2026-01-28T10:00:00Z'), 1769594400, 0],
    ['RFC 3339 with offset and fraction', textHex('2026-01-28T12:00:00.5+02:00'), 1769594400, 500000000],
  ]
  it.each(TIMES)('takes a time as %s', (_name, value, seconds, nanos) => {
    expect(decodeOne('ExpireAt', value).expireAt).toEqual({ seconds, nanos })
  })

  const TEXTS: [string, string, string][] = [
    ['fixstr', 'a1 78', 'x'],
    ['str8', 'd9 01 78', 'x'],
    ['str16', 'da 00 01 78', 'x'],
    ['str32', 'db 00 00 00 01 78', 'x'],
    ['bin8', 'c4 01 78', 'x'],
    ['bin16', 'c5 00 01 78', 'x'],
    ['bin32', 'c6 00 00 00 01 78', 'x'],
    ['nil', 'c0', ''],
    ['UTF-8', 'a7 e6 97 a5 c3 a9 21 21', '日é!!'],
    ['a byte order mark and NUL', 'a4 ef bb bf 00', '\ufeff\0'],
  ]
  it.each(TEXTS)('takes text as %s', (_name, value, expected) => {
    expect(decodeOne('UserAgent', value).userAgent).toBe(expected)
  })

  const BROKEN: [string, string, string][] = [
    ['a lone continuation byte', '2f 80 2f', '/\ufffd/'],
    ['Latin-1', '63 61 66 e9', 'caf\ufffd'],
    ['a cut sequence', 'e2 82', '\ufffd\ufffd'],
    ['a cut sequence before text', 'f0 9f 9a 41', '\ufffd\ufffd\ufffdA'],
    ['an overlong form', 'c0 af', '\ufffd\ufffd'],
    ['an overlong three-byte form', 'e0 80 80', '\ufffd\ufffd\ufffd'],
    ['a surrogate', 'ed a0 80', '\ufffd\ufffd\ufffd'],
    ['what lies beyond Unicode', 'f4 90 80 80', '\ufffd\ufffd\ufffd\ufffd'],
    ['ff between good text', 'c3 a9 ff f0 9f 9a 80', 'é\ufffd🚀'],
    ['a real replacement character', 'ef bf bd', '\ufffd'],
  ]
  it.each(BROKEN)('makes one U+FFFD of each bad byte: %s', (_name, bytes, expected) => {
    const length = hex(bytes).length
    expect(decodeOne('Path', (0xa0 | length).toString(16) + bytes).path).toBe(expected)
  })

  it.each([
    ['true', 'c3', true],
    ['false', 'c2', false],
    ['nil', 'c0', false],
  ])('takes a boolean as %s', (_name, value, expected) => {
    expect(decodeOne('TrackPath', value).trackPath).toBe(expected)
  })

  it.each([
    ['nil', 'c0', null],
    ['empty', '90', []],
    ['nil members', '93 c0 a1 78 c4 00', ['', 'x', '']],
    ['array16', 'dc 00 01 a1 78', ['x']],
    ['array32', 'dd 00 00 00 01 a1 78', ['x']],
  ])('takes tags as %s', (_name, value, expected) => {
    expect(decodeOne('Tags', value).tags).toEqual(expected)
  })

  it.each([
    ['nil', 'c0', {}],
    ['an empty map', '80', {}],
    [
      'a map in another order with unknown keys',
      `83 ${textHex('Gateway')} 03 ${textHex('X')} 91 c0 ${textHex('Total')} 09`,
      { total: 9, gateway: 3 },
    ],
    ['a list in field order', '93 09 06 03', { total: 9, upstream: 6, gateway: 3 }],
    ['a short list', '91 09', { total: 9 }],
    ['a long list', '95 09 06 03 a1 78 92 01 02', { total: 9, upstream: 6, gateway: 3 }],
    ['map16', `de 00 01 ${textHex('Upstream')} 06`, { upstream: 6 }],
    ['map32', `df 00 00 00 01 ${textHex('Upstream')} 06`, { upstream: 6 }],
    [
      'a map that breaks off the usual order',
      `82 ${textHex('Total')} 09 ${textHex('Gateway')} 03`,
      { total: 9, gateway: 3 },
    ],
  ])('takes a structure as %s', (_name, value, expected) => {
    expect(decodeOne('Latency', value).latency).toEqual({ total: 0, upstream: 0, gateway: 0, ...expected })
  })

  it('reads GraphQL statistics with errors and their paths', () => {
    const record = emptyRecord()
    record.graphqlStats = {
      variables: '{"a":1}',
      rootFields: ['characters'],
      types: { Query: ['characters'], Info: [] },
      errors: [
        { message: 'no', path: ['characters', 0, true, null, 1.5, { a: [2n ** 60n] }] },
        { message: '', path: null },
      ],
      operationType: 1,
      hasErrors: true,
      isGraphql: true,
    }
    record.mcpStats = { isMcp: true, jsonrpcMethod: 'tools/call', primitiveType: 'tool', primitiveName: 'add' }
    expect(decodeRecord(encodeRecord(record))).toEqual(record)
  })

  it('reads nil and the empty map as a record of zeros', () => {
    expect(decodeRecord(hex('c0'))).toEqual(emptyRecord())
    expect(decodeRecord(hex('80'))).toEqual(emptyRecord())
    expect(decodeRecord(hex('80')).timestamp).toEqual(ZERO_INSTANT)
  })

  it('reads a record that is a list in field order', () => {
    const record = decodeRecord(hex('95 a3 47 45 54 a1 68 a2 2f 70 c0 07'))
    expect(record).toEqual({ ...emptyRecord(), method: 'GET', host: 'h', path: '/p', contentLength: 7 })
    const long = Buffer.concat([hex('dc 00 26'), ...Array.from({ length: 12 }, () => hex('c0')), hex('92 00 00')])
    const rest = Array.from({ length: 15 }, () => hex('c0'))
    const end = [hex('920203'), ...Array.from({ length: 6 }, () => hex('c0')), hex('a1 78 c7 01 05 00 91 92 01 c0')]
    expect(decodeRecord(Buffer.concat([long, ...rest, ...end])).expireAt).toEqual({ seconds: 2, nanos: 3 })
  })

  it('skips unknown keys with values of every kind, extensions included', () => {
    const values = [
      'c0',
      'c2',
      'c3',
      '7f',
      'e0',
      'a1 78',
      '92 01 91 c0',
      '81 a1 78 81 01 c0',
      'c4 01 00',
      'c5 00 01 00',
      'c6 00 00 00 01 00',
      'c7 02 05 00 00',
      'c8 00 01 05 00',
      'c9 00 00 00 01 05 00',
      'ca 00 00 00 00',
      'cb 00 00 00 00 00 00 00 00',
      'cc 00',
      'cd 00 00',
      'ce 00 00 00 00',
      'cf 00 00 00 00 00 00 00 00',
      'd0 00',
      'd1 00 00',
      'd2 00 00 00 00',
      'd3 00 00 00 00 00 00 00 00',
      'd4 05 00',
      'd5 05 00 00',
      'd6 05 00 00 00 00',
      `d7 05 ${'00'.repeat(8)}`,
      `d8 05 ${'00'.repeat(16)}`,
      'd9 01 78',
      'da 00 01 78',
      'db 00 00 00 01 78',
      'dc 00 01 c0',
      'dd 00 00 00 01 c0',
      'de 00 01 01 c0',
      'df 00 00 00 01 01 c0',
    ]
    for (const value of values) {
      const bytes = Buffer.concat([hex('82'), key('Future'), hex(value), key('Method'), hex('a1 47')])
      expect({ value, ...decodeRecord(bytes) }).toEqual({ value, ...emptyRecord(), method: 'G' })
    }
  })

  it('does not know a key in another letter case', () => {
    expect(decodeOne('method', 'a1 78').method).toBe('')
  })

  it('lets the last of two equal keys win', () => {
    const twice = (wire: string, first: string, second: string): AnalyticsRecord =>
      decodeRecord(Buffer.concat([hex('83'), key(wire), hex(first), key('Path'), hex('a1 2f'), key(wire), hex(second)]))
    expect(twice('Method', 'a1 31', 'a1 32').method).toBe('2')
    expect(twice('Latency', '93 01 02 03', '91 09').latency).toEqual({ total: 9, upstream: 0, gateway: 0 })
    expect(twice('Network', '91 01', 'c0').network).toEqual(emptyRecord().network)
    const zeroGeo = Buffer.from(encodeRecord(emptyRecord()))
      .toString('hex')
      .split(textHex('Geo'))[1]!
      .split(textHex('Network'))[0]!
    expect(twice('Geo', `91 91 ${textHex('DE')}`, zeroGeo).geo).toEqual(emptyRecord().geo)
    expect(twice('GraphQLStats', '91 a1 78', '80').graphqlStats.variables).toBe('')
    expect(twice('MCPStats', '91 c3', '80').mcpStats.isMcp).toBe(false)
  })

  it('keeps a member that is called __proto__', () => {
    const { city } = decodeOne(
      'Geo',
      `82 ${textHex('City')} 82 ${textHex('GeoNameID')} 01 ${textHex('Names')} 81 ${textHex('__proto__')} a1 78 ${textHex('X')} c0`,
    ).geo
    expect(Object.entries(city.names!)).toEqual([['__proto__', 'x']])
    const { types } = decodeOne(
      'GraphQLStats',
      `81 ${textHex('Types')} 81 ${textHex('__proto__')} 91 a1 78`,
    ).graphqlStats
    expect(Object.getPrototypeOf(types)).toBe(Object.prototype)
    expect(Object.entries(types!)).toEqual([['__proto__', ['x']]])
  })

  it('does not share structures between records', () => {
    const bytes = encodeRecord(emptyRecord())
    const first = decodeRecord(bytes)
    first.geo.country.isoCode = 'DE'
    first.latency.total = 1
    expect(decodeRecord(bytes)).toEqual(emptyRecord())
  })

  it('reads texts of many megabytes', () => {
    const record = { ...emptyRecord(), rawRequest: 'a'.repeat(5_000_000), rawResponse: 'ü'.repeat(100_000) }
    expect(decodeRecord(encodeRecord(record))).toEqual(record)
  })

  it('reads a view into the middle of a larger buffer', () => {
    const { bytes, record } = loadVector('msgpack', 'golden-jwt-post')
    const padded = new Uint8Array(bytes.length + 20).fill(0xc1)
    padded.set(bytes, 7)
    expect(decodeRecord(padded.subarray(7, 7 + bytes.length))).toEqual(record)
  })

  const REFUSED: [string, Buffer, RegExp][] = [
    ['no bytes', hex(''), /^record at byte 0: the bytes end at 0/],
    ['plain text', Buffer.from('this is not msgpack'), /^record at byte 0: expected a map, got code 0x74/],
    ['JSON text', Buffer.from('{"Method":"GET"}'), /^record at byte 0: expected a map/],
    ['a list of other things', hex('93 01 02 03'), /^Method at byte 1: expected text, got code 0x1$/],
    ['the unused code', hex('c1'), /expected a map/],
    ['the unused code under an unknown key', one('Future', 'c1'), /^unknown key at byte 8: got code 0xc1/],
    ['an integer as key', hex('81 01 01'), /^key at byte 1: expected text/],
    [
      'a fraction in an integer',
      one('RequestTime', 'cb 3f f8 00 00 00 00 00 00'),
      /^RequestTime at byte 22: expected an integer, got 1.5/,
    ],
    ['NaN in an integer', one('RequestTime', 'ca 7f c0 00 00'), /got NaN/],
    ['text in an integer', one('RequestTime', 'a1 31'), /^RequestTime at byte 13: expected an integer, got code 0xa1/],
    ['a boolean in an integer', one('Day', 'c3'), /^Day at byte 5: expected an integer/],
    [
      'a day beyond doubles',
      one('Day', 'cf 7f ff ff ff ff ff ff ff'),
      /^Day at byte 14: 9223372036854775807 is out of range/,
    ],
    ['a number in a text', one('Method', '05'), /^Method at byte 8: expected text, got code 0x5/],
    ['a boolean in a text', one('Method', 'c2'), /^Method at byte 8: expected text/],
    ['a number in a boolean', one('TrackPath', '01'), /^TrackPath at byte 11: expected true or false/],
    ['text in tags', one('Tags', 'a1 78'), /^Tags at byte 6: expected a list/],
    ['a number in a structure', one('Geo', '01'), /^Geo at byte 5: expected a map/],
    [
      'text in a float',
      one('Geo', `81 ${textHex('Location')} 91 a1 31`),
      /^Geo.Location.Latitude at byte 16: expected an integer/,
    ],
    [
      'a list in a map of names',
      one('Geo', `81 ${textHex('City')} 92 00 90`),
      /^Geo.City.Names at byte 13: expected a map/,
    ],
    [
      'a negative city number',
      one('Geo', `81 ${textHex('City')} 91 ff`),
      /^Geo.City.GeoNameID at byte 13: -1 is out of range/,
    ],
    ['nil as time', one('TimeStamp', 'c0'), /^TimeStamp at byte 11: expected a time, got code 0xc0/],
    ['a lone number as time', one('TimeStamp', 'ce 69 79 de 20'), /expected a time, got code 0xce/],
    ['a time of three members', one('TimeStamp', '93 01 02 03'), /expected a time of two members, got 3/],
    ['a time in other words', one('TimeStamp', textHex('yesterday')), /RFC 3339/],
    ['a date that does not exist', one('TimeStamp', textHex('2026-13-41T10:00:00Z')), /RFC 3339/],
    ['an extension of another type as time', one('TimeStamp', 'd6 05 69 79 de 20'), /extension of another type/],
    ['a timestamp of an odd size', one('TimeStamp', 'd4 ff 00'), /out of range/],
    ['a time beyond doubles', one('TimeStamp', '92 cf 7f ff ff ff ff ff ff ff 00'), /out of range/],
    ['an infinite time', one('TimeStamp', '92 cb 7f f0 00 00 00 00 00 00 00'), /out of range/],
    ['a map of more entries than bytes', hex('df ff ff ff ff a1 78'), /^record at byte 5: the bytes end/],
    ['tags of more members than bytes', one('Tags', 'dd 7f ff ff ff a1 78'), /^Tags at byte 11: the bytes end/],
    ['text longer than the record', one('Method', 'db ff ff ff ff 78'), /^Method at byte 13: the bytes end/],
    [
      'unknown text longer than the record',
      one('Future', 'c6 ff ff ff ff 78'),
      /^unknown key at byte 13: the bytes end/,
    ],
    ['an unknown list of more members than bytes', one('Future', 'dd ff ff ff ff'), /the bytes end/],
    [
      'an error path nested without end',
      one('GraphQLStats', `81 ${textHex('Errors')} 91 92 a0 ${'91'.repeat(200)} c0`),
      /nested more than 16 levels/,
    ],
  ]
  it.each(REFUSED)('refuses %s and says where', (_name, bytes, message) => {
    const decode = (): unknown => decodeRecord(bytes)
    expect(decode).toThrow(RecordDecodeError)
    expect(decode).toThrow(message)
  })

  it('skips nesting of any depth without the stack', () => {
    const bytes = Buffer.concat([hex('81'), key('Future'), Buffer.alloc(500_000, 0x91), hex('c0')])
    expect(decodeRecord(bytes)).toEqual(emptyRecord())
  })

  it('refuses a golden record cut at any byte, whatever was read before it', () => {
    const { bytes, record } = loadVector('msgpack', 'golden-jwt-post')
    for (let end = 0; end < bytes.length; end++) {
      expect(decodeRecord(bytes)).toEqual(record)
      expect(() => decodeRecord(bytes.subarray(0, end))).toThrow(RecordDecodeError)
    }
  })
})
