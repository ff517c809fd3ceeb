import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadVectors } from '../../test/support/vectors.ts'
import { RecordEncodeError } from '../errors.ts'
import { emptyRecord, RECORD_FIELDS, type AnalyticsRecord, type Int64 } from '../record.ts'
import { decodeRecord } from './decode.ts'
import { createRecordEncoder, encodeRecord, type EncodeOptions } from './encode.ts'

const recordWith = (changes: Partial<AnalyticsRecord>): AnalyticsRecord => ({ ...emptyRecord(), ...changes })

/** The bytes between a key and the key after it. */
function valueOf(changes: Partial<AnalyticsRecord>, wire: string, options?: EncodeOptions): string {
  const bytes = Buffer.from(encodeRecord(recordWith(changes), options))
  const next = RECORD_FIELDS[RECORD_FIELDS.findIndex((row) => row.wire === wire) + 1]!.wire
  const key = (name: string): string => String.fromCharCode(0xa0 | name.length) + name
  const start = bytes.indexOf(key(wire), 0, 'latin1') + wire.length + 1
  return bytes.subarray(start, bytes.indexOf(key(next), start, 'latin1')).toString('hex')
}

describe('encodeRecord', () => {
  it.each(loadVectors('msgpack').filter((vector) => vector.written))('writes the golden bytes of $name', (vector) => {
    expect(Buffer.from(encodeRecord(vector.record)).toString('hex')).toBe(vector.bytes.toString('hex'))
  })

  it('writes all 35 keys in table order', () => {
    const bytes = Buffer.from(encodeRecord(emptyRecord()))
    expect(bytes.subarray(0, 3).toString('hex')).toBe('de0023')
    const places = RECORD_FIELDS.map(({ wire }) =>
      bytes.indexOf(String.fromCharCode(0xa0 | wire.length) + wire, 'latin1'),
    )
    expect(places.every((place) => place > 0)).toBe(true)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })

  const INTEGERS: [Int64, string][] = [
    [0, '00'],
    [-0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [200, 'ccc8'],
    [255, 'ccff'],
    [256, 'cd0100'],
    [400, 'cd0190'],
    [65535, 'cdffff'],
    [65536, 'ce00010000'],
    [4294967295, 'ceffffffff'],
    [4294967296, 'cf0000000100000000'],
    [4923194400, 'cf000000012571fc20'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
    [2 ** 53, 'cf0020000000000000'],
    [9007199254740993n, 'cf0020000000000001'],
    [5n, '05'],
    [2n ** 63n - 1n, 'cf7fffffffffffffff'],
    [-1, 'ff'],
    [-32, 'e0'],
    [-33, 'd0df'],
    [-128, 'd080'],
    [-129, 'd1ff7f'],
    [-32768, 'd18000'],
    [-32769, 'd2ffff7fff'],
    [-2147483648, 'd280000000'],
    [-2147483649, 'd3ffffffff7fffffff'],
    [-(2 ** 60), 'd3f000000000000000'],
    [-1n, 'ff'],
    [-(2n ** 63n), 'd38000000000000000'],
  ]
  it.each(INTEGERS)('writes the integer %s as %s', (value, hex) => {
    expect(valueOf({ contentLength: value }, 'ContentLength')).toBe(hex)
  })

  const TIMES: [string, number, number, string][] = [
    ['1970-01-01T00:00:00Z', 0, 0, '920000'],
    ['2026-01-28T10:00:00Z', 1769594400, 0, '92ce6979de2000'],
    ['127 ns later', 1769594400, 127, '92ce6979de207f'],
    ['123456789 ns later', 1769594400, 123456789, '92ce6979de20ce075bcd15'],
    ['2126-01-04T10:00:00.999Z', 4923194400, 999000000, '92cf000000012571fc20ce3b8b87c0'],
    ['year 1', -62135596800, 0, '92d3fffffff1886e090000'],
    ['1969-12-31T23:59:55.0000002Z', -5, 200, '92fbccc8'],
  ]
  it.each(TIMES)('writes the time %s as two integers', (_name, seconds, nanos, hex) => {
    expect(valueOf({ timestamp: { seconds, nanos } }, 'TimeStamp')).toBe(hex)
  })

  it.each([
    [0, 'a0'],
    [1, 'a1'],
    [31, 'bf'],
    [32, 'd920'],
    [64, 'd940'],
    [65, 'd941'],
    [255, 'd9ff'],
    [256, 'da0100'],
    [65535, 'daffff'],
    [65536, 'db00010000'],
    [300_000, 'db000493e0'],
  ])('puts the shortest header before a text of %i bytes', (length, header) => {
    const hex = valueOf({ rawRequest: 'x'.repeat(length) }, 'RawRequest')
    expect(hex).toBe(header + '78'.repeat(length))
  })

  it('counts bytes, not characters, in the header of a text', () => {
    expect(valueOf({ path: '/é' }, 'Path')).toBe('a32fc3a9')
    expect(valueOf({ path: 'é'.repeat(20) }, 'Path')).toBe('d928' + 'c3a9'.repeat(20))
    expect(valueOf({ path: '日本🚀' }, 'Path')).toBe('aae697a5e69cacf09f9a80')
    expect(valueOf({ path: 'a\ud800b' }, 'Path')).toBe('a561efbfbd62')
  })

  it('writes byte strings as they are', () => {
    const bytes: EncodeOptions = { text: 'bytes' }
    expect(valueOf({ path: '/caf\xe9\x00\xff' }, 'Path', bytes)).toBe('a72f636166e900ff')
    expect(valueOf({ tags: ['\xc3'] }, 'Tags', bytes)).toBe('91a1c3')
    expect(valueOf({ path: '\xe9'.repeat(300) }, 'Path', bytes)).toBe('da012c' + 'e9'.repeat(300))
  })

  it.each(['Ā', 'x'.repeat(500) + 'Ā'])('refuses a byte string with a unit above 255', (path) => {
    expect(() => encodeRecord(recordWith({ path }), { text: 'bytes' })).toThrow(/^path: .*above 255/)
  })

  it('tells no tags from an empty list of tags', () => {
    expect(valueOf({ tags: null }, 'Tags')).toBe('c0')
    expect(valueOf({ tags: [] }, 'Tags')).toBe('90')
    expect(valueOf({ tags: Array.from({ length: 16 }, () => '') }, 'Tags')).toBe('dc0010' + 'a0'.repeat(16))
  })

  it('writes coordinates as float64 even when they are whole', () => {
    const { geo } = emptyRecord()
    geo.location.latitude = 52
    expect(valueOf({ geo }, 'Geo')).toContain('cb404a000000000000')
    geo.location.latitude = -0
    expect(valueOf({ geo }, 'Geo')).toContain('cb8000000000000000')
  })

  it('writes lists that hold more numbers than one element has room for', () => {
    const path = Array.from({ length: 70_000 }, (_, i) => i * 1e9)
    const record = emptyRecord()
    record.graphqlStats = { ...record.graphqlStats, errors: [{ message: 'm', path }] }
    expect(decodeRecord(encodeRecord(record)).graphqlStats.errors).toEqual([{ message: 'm', path }])
  })

  const REFUSED: [string, Partial<AnalyticsRecord>, RegExp][] = [
    ['a fraction', { contentLength: 1.5 }, /^contentLength: expected an integer, got 1.5$/],
    ['NaN', { requestTime: NaN }, /^requestTime: expected an integer, got NaN$/],
    ['infinity', { day: Infinity }, /^day: /],
    ['a number beyond 64 bits', { contentLength: 2 ** 63 }, /^contentLength: 9223372036854775808 exceeds 64 bits$/],
    ['a bigint beyond 64 bits', { contentLength: -(2n ** 63n) - 1n }, /^contentLength: .* exceeds 64 bits$/],
    ['a fraction of a second', { timestamp: { seconds: 0.5, nanos: 0 } }, /^timestamp: /],
    ['negative nanoseconds', { expireAt: { seconds: 0, nanos: -1 } }, /^expireAt.nanos: /],
    ['a second of nanoseconds', { expireAt: { seconds: 0, nanos: 1e9 } }, /^expireAt.nanos: /],
    ['a nested fraction', { latency: { total: 1, upstream: 0.1, gateway: 0 } }, /^latency.upstream: /],
  ]
  it.each(REFUSED)('refuses %s and names the field', (_name, changes, message) => {
    const encode = (): unknown => encodeRecord(recordWith(changes))
    expect(encode).toThrow(RecordEncodeError)
    expect(encode).toThrow(message)
  })

  it('refuses a negative city number and a path without a wire form', () => {
    const { geo, graphqlStats } = emptyRecord()
    geo.city.geonameId = -1
    expect(() => encodeRecord(recordWith({ geo }))).toThrow(/^geo.city.geonameId: /)
    const deep = JSON.parse('['.repeat(40) + ']'.repeat(40)) as unknown[]
    for (const path of [[() => 1], deep]) {
      const stats = { ...graphqlStats, errors: [{ message: '', path }] }
      expect(() => encodeRecord(recordWith({ graphqlStats: stats }))).toThrow(/^graphqlStats.errors.path: /)
    }
  })
})

describe('createRecordEncoder', () => {
  it('hands out bytes that later records do not touch', () => {
    const encoder = createRecordEncoder()
    const records = Array.from({ length: 1000 }, (_, i) =>
      recordWith({ path: `/${i}`, rawRequest: 'r'.repeat((i * 977) % 90_000) }),
    )
    const elements = records.map((record) => encoder.encode(record))
    elements.forEach((element, i) => expect(decodeRecord(element)).toEqual(records[i]))
  })

  it('goes on after a record that it refused', () => {
    const encoder = createRecordEncoder({ text: 'bytes' })
    const before = encoder.encode(recordWith({ path: '/before' }))
    expect(() => encoder.encode(recordWith({ latency: { total: 0.5, upstream: 0, gateway: 0 } }))).toThrow(
      RecordEncodeError,
    )
    expect(decodeRecord(encoder.encode(recordWith({ path: '/after' }))).path).toBe('/after')
    expect(decodeRecord(before).path).toBe('/before')
  })

  it.each(['bytes', 'utf8'] as const)(
    'writes records with repeated fields as if each were the first, as %s',
    (text) => {
      const kept = createRecordEncoder({ text })
      const word = fc.constantFrom('', 'a', 'b', 'x'.repeat(40), 'y'.repeat(2000))
      const number = fc.constantFrom(0, 1, 200)
      const fields = fc.record({
        method: word,
        host: word,
        path: word,
        contentLength: number,
        userAgent: word,
        day: number,
        month: number,
        year: number,
        hour: number,
        responseCode: number,
        apiVersion: word,
        apiName: word,
        apiId: word,
        orgId: word,
        oauthId: word,
        rawRequest: word,
        rawResponse: word,
        tags: fc.option(fc.array(word, { maxLength: 3 })),
        alias: word,
        trackPath: fc.boolean(),
        apiSchema: word,
        originalPath: word,
        listenPath: word,
        collectionName: word,
      })
      // Each a few times in a row, as in traffic.
      const runs = fc.array(fc.tuple(fields, fc.integer({ min: 1, max: 4 })), { maxLength: 12 })
      fc.assert(
        fc.property(runs, (all) => {
          for (const [changes, times] of all) {
            const record = recordWith(changes)
            const expected = createRecordEncoder({ text }).encode(record)
            for (let i = 0; i < times; i++) expect(kept.encode(record).equals(expected)).toBe(true)
          }
        }),
      )
    },
  )

  it('keeps the fields of many APIs apart', () => {
    const encoder = createRecordEncoder()
    const records = Array.from({ length: 1500 }, (_, i) => recordWith({ apiId: `id-${i}`, apiName: `API ${i}` }))
    for (const record of [...records, ...records, ...records]) {
      expect(decodeRecord(encoder.encode(record))).toEqual(record)
    }
  })

  it('sees tags that change within their list', () => {
    const encoder = createRecordEncoder()
    const record = recordWith({ tags: ['a', 'b'] })
    for (const tag of ['c', 'c', 'c', 'd', 'e']) {
      record.tags![1] = tag
      expect(decodeRecord(encoder.encode(record)).tags).toEqual(['a', tag])
    }
    record.tags!.pop()
    expect(decodeRecord(encoder.encode(record)).tags).toEqual(['a'])
  })

  it('does not keep what it refused', () => {
    const encoder = createRecordEncoder({ text: 'bytes' })
    const wrong = recordWith({ userAgent: '\u0100' })
    for (let i = 0; i < 3; i++) expect(() => encoder.encode(wrong)).toThrow(/^userAgent: /)
    expect(decodeRecord(encoder.encode(recordWith({ userAgent: 'a' }))).userAgent).toBe('a')
  })
})
