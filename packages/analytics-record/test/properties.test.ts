import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRecord, decodeRecordProtobuf, encodeRecord, encodeRecordProtobuf, formatRecord } from '../src/index.ts'
import { RecordDecodeError, type AnalyticsRecord } from '../src/index.ts'
import { arbitraryRecord } from './support/arbitrary-record.ts'
import { loadVectors, parseExact } from './support/vectors.ts'

type Decode = (bytes: Uint8Array) => AnalyticsRecord

const FORMS = [
  { form: 'msgpack', decode: decodeRecord, encode: encodeRecord },
  { form: 'protobuf', decode: decodeRecordProtobuf, encode: encodeRecordProtobuf },
] as const

/** What protobuf does not carry: see the doc comments of its codec. */
function throughProtobuf(record: AnalyticsRecord): AnalyticsRecord {
  const copy = structuredClone(record)
  const { graphqlStats: stats } = copy
  copy.geo.city.names = null
  copy.latency.gateway = 0
  copy.collectionName = ''
  copy.tags = orNull(copy.tags)
  stats.rootFields = orNull(stats.rootFields)
  stats.errors = orNull(stats.errors?.map(({ message }) => ({ message, path: null })) ?? null)
  if (stats.types !== null && Object.keys(stats.types).length === 0) stats.types = null
  return copy
}

const orNull = <T>(list: T[] | null): T[] | null => (list === null || list.length === 0 ? null : list)

/** A record, or the one error that a reader may throw; whatever comes out can be printed and written again. */
function expectRecordOrError(decode: Decode, bytes: Uint8Array): void {
  let record: AnalyticsRecord
  try {
    record = decode(bytes)
  } catch (err) {
    if (!(err instanceof RecordDecodeError)) throw err
    return
  }
  parseExact(formatRecord(record))
  expect(decodeRecord(encodeRecord(record))).toEqual(record)
}

describe('the codecs', () => {
  it('give back any record that went through msgpack', () => {
    fc.assert(
      fc.property(arbitraryRecord, (record) => {
        expect(decodeRecord(encodeRecord(record))).toEqual(record)
      }),
      { numRuns: 300 },
    )
  })

  it('give back any record that went through protobuf, but for what that form has no place for', () => {
    fc.assert(
      fc.property(arbitraryRecord, (record) => {
        expect(decodeRecordProtobuf(encodeRecordProtobuf(record))).toEqual(throughProtobuf(record))
      }),
      { numRuns: 300 },
    )
  })

  it('write a byte string as the bytes that it holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const record = decodeRecord(new Uint8Array([0x80]))
        record.path = Buffer.from(bytes).toString('latin1')
        const element = encodeRecord(record, { text: 'bytes' })
        expect(Buffer.from(element).includes(Buffer.from(bytes))).toBe(true)
        expect(element.length).toBe(encodeRecord({ ...record, path: 'x'.repeat(bytes.length) }).length)
      }),
    )
  })

  it('print any record as JSON', () => {
    fc.assert(
      fc.property(arbitraryRecord, (record) => {
        const printed = parseExact(formatRecord(record)) as Record<string, unknown>
        expect(printed['path']).toBe(record.path)
        expect(printed['content_length']).toBe(record.contentLength)
        expect(printed['tags']).toEqual(record.tags)
      }),
    )
  })

  describe.each(FORMS)('for $form', ({ form, decode, encode }) => {
    it('turn arbitrary bytes into a record or an error', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectRecordOrError(decode, bytes)),
        { numRuns: 2000 },
      )
    })

    it('turn damaged records into a record or an error', () => {
      const damage = fc.array(fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 })
      fc.assert(
        fc.property(arbitraryRecord, damage, (record, changes) => {
          const bytes = Buffer.from(encode(record))
          for (const [place, value] of changes) bytes[place % bytes.length] = value
          expectRecordOrError(decode, bytes)
        }),
        { numRuns: 1000 },
      )
    })

    it('turn records with one byte changed at each place into a record or an error', () => {
      const { bytes } = loadVectors(form).find((vector) => vector.name.startsWith('golden'))!
      for (let place = 0; place < bytes.length; place++) {
        for (const value of [0x00, 0x7f, 0x80, 0x91, 0xc0, 0xc7, 0xcb, 0xcf, 0xd6, 0xdb, 0xdd, 0xdf, 0xff]) {
          const damaged = Buffer.from(bytes)
          damaged[place] = value
          expectRecordOrError(decode, damaged)
        }
      }
    })

    it('turn records cut at each byte into a record or an error', () => {
      for (const { bytes } of loadVectors(form)) {
        for (let end = 0; end < bytes.length; end++) expectRecordOrError(decode, bytes.subarray(0, end))
      }
    })
  })
})
