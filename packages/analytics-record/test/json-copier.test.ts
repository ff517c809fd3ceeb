import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AnalyticsRecord,
  type Instant,
  JsonCopier,
  RECORD_FIELDS,
  RecordBlock,
  decodeRecord,
  decodeRecordIn,
  emptyRecord,
  encodeRecord,
  fieldIndex,
  formatInstant,
  goJson,
  goJsonNumber,
  goJsonString,
  locateFields,
} from '../src/index.ts'
import { arbitraryRecord } from './support/arbitrary-record.ts'
import { loadVectors } from './support/vectors.ts'

/** A block with one record between others, so that reading past an end would show. */
function blockOf(element: Uint8Array): RecordBlock {
  const others = Buffer.alloc(30, 0x80)
  return new RecordBlock([others, element, others])
}

const isUsual = (element: Uint8Array): boolean => locateFields(blockOf(element), 1)

/** Every field that can be copied, as the values of the decoded record print it. */
function plainly(record: AnalyticsRecord): string[] {
  return RECORD_FIELDS.flatMap(({ name, kind }) => {
    const value = record[name]
    if (kind === 'string') return goJsonString(value as string)
    if (kind === 'int' || kind === 'int64') return goJsonNumber(value as number)
    if (kind === 'strings') return goJson(value)
    return kind === 'instant' ? `"${formatInstant(value as AnalyticsRecord['timestamp'])}"` : []
  })
}

const copier = new JsonCopier()

function copied(element: Uint8Array): string[] {
  const block = blockOf(element)
  expect(locateFields(block, 1)).toBe(true)
  copier.start(16)
  copier.turnTo(block, 1, 0)
  const printed = RECORD_FIELDS.flatMap(({ kind }, field) => {
    copier.position = 0
    if (kind === 'string') copier.text(field)
    else if (kind === 'int' || kind === 'int64') copier.int(field)
    else if (kind === 'strings') copier.texts(field)
    else if (kind === 'instant') copier.instant(field)
    return copier.position > 0 ? copier.written().toString() : []
  })
  return printed
}

/** What is taken for usual decodes, in its place in a block as well as alone, and copies to the same text. */
function expectSame(element: Uint8Array): void {
  if (!isUsual(element)) return
  const record = decodeRecord(element)
  expect(decodeRecordIn(blockOf(element), 1)).toEqual(record)
  expect(copied(element)).toEqual(plainly(record))
}

/** Records as gateways send them: nothing in the structures that HTTP APIs leave empty, numbers of ordinary size. */
const usualRecord = arbitraryRecord.map((record) => {
  const { graphqlStats, mcpStats, network } = emptyRecord()
  const [contentLength, requestTime] = [Number(record.contentLength) | 0, Number(record.requestTime) | 0]
  const { names } = record.geo.city
  if (names !== null) record.geo.city.names = Object.fromEntries(Object.entries(names).slice(0, 15))
  return Object.assign(record, {
    contentLength,
    requestTime,
    graphqlStats,
    mcpStats,
    network,
    latency: { total: requestTime, upstream: 1, gateway: -40_000 },
    timestamp: near(record.timestamp),
    expireAt: near(record.expireAt),
  })
})

const near = ({ seconds, nanos }: Instant): Instant => ({ seconds: seconds % 2 ** 50, nanos })

describe('a block', () => {
  it('holds copies of its records', () => {
    const records = [Buffer.from('a'), Buffer.alloc(0), Buffer.from('bcd')]
    const block = new RecordBlock(records)
    records[0]!.fill('x')
    expect([0, 1, 2].map((i) => block.raw(i).toString())).toEqual(['a', '', 'bcd'])
    expect([block.length, block.sizeOf(1), block.sizeOf(2)]).toEqual([3, 0, 3])
  })
})

describe('the JSON copier', () => {
  it('knows the records of gateways', () => {
    const golden = loadVectors('msgpack').filter(({ name }) => name.startsWith('golden'))
    expect(golden.length).toBeGreaterThan(0)
    for (const { bytes } of golden) {
      expect(isUsual(bytes)).toBe(true)
      expectSame(bytes)
    }
  })

  it('copies what the decoded record prints', () => {
    fc.assert(
      fc.property(usualRecord, fc.boolean(), (record, asBytes) => {
        const element = asBytes
          ? encodeRecord({ ...record, path: Buffer.from(record.path).toString('latin1') })
          : encodeRecord(record)
        expect(isUsual(element)).toBe(true)
        expectSame(element)
      }),
      { numRuns: 500 },
    )
  })

  it('copies bytes of any value, valid UTF-8 or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 40 }), (path, tag) => {
        const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
        const record = { ...decodeRecord(new Uint8Array([0x80])), path: text(path), tags: [text(tag), 'x'] }
        const element = encodeRecord(record, { text: 'bytes' })
        expect(isUsual(element)).toBe(true)
        expectSame(element)
      }),
      { numRuns: 1000 },
    )
  })

  it('takes records of older gateways, in which later fields are missing', () => {
    const record = decodeRecord(loadVectors('msgpack').find(({ name }) => name === 'golden-jwt-post')!.bytes)
    const whole = encodeRecord(record)
    const fields = RECORD_FIELDS.length
    const block = blockOf(whole)
    locateFields(block, 1)
    const keyStart = (field: number): number =>
      block.places[fields + field]! - block.starts[1]! - 1 - RECORD_FIELDS[field]!.wire.length
    for (let missing = 0; missing < fields; missing++) {
      const next = missing + 1 < fields ? keyStart(missing + 1) : whole.length
      const members = Buffer.concat([whole.subarray(3, keyStart(missing)), whole.subarray(next)])
      const element = Buffer.concat([Buffer.from([0xde, 0, fields - 1]), members])
      expect(isUsual(element)).toBe(true)
      expectSame(element)
    }
  })

  it('copies no more of a record than its own bytes', () => {
    for (const { bytes } of loadVectors('msgpack')) {
      for (let end = 0; end < bytes.length; end++) expectSame(bytes.subarray(0, end))
    }
  })

  it('leaves what is no record, or an unusual one, to the decoder', () => {
    for (const { bytes } of loadVectors('msgpack')) expectSame(bytes)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectSame(bytes)),
      { numRuns: 1000 },
    )
  })

  it('copies damaged records only as the decoder reads them', () => {
    const damage = fc.array(fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(usualRecord, damage, (record, changes) => {
        const bytes = Buffer.from(encodeRecord(record))
        for (const [place, value] of changes) bytes[place % bytes.length] = value
        expectSame(bytes)
      }),
      { numRuns: 2000 },
    )
    const { bytes } = loadVectors('msgpack').find(({ name }) => name === 'golden-jwt-post')!
    for (let place = 0; place < bytes.length; place++) {
      for (let value = 0; value < 256; value += 5) {
        const damaged = Buffer.from(bytes)
        damaged[place] = value
        expectSame(damaged)
      }
    }
  })

  it('makes room for the longest form of every byte, and keeps what was written before', () => {
    const record = { ...decodeRecord(new Uint8Array([0x80])), path: '\u0001'.repeat(5000) }
    const block = blockOf(encodeRecord(record))
    expect(locateFields(block, 1)).toBe(true)
    copier.start(8)
    copier.byte(0x5b)
    copier.turnTo(block, 1, 0)
    copier.text(fieldIndex('path'))
    copier.utf8(',"ü"]')
    expect(JSON.parse(copier.written().toString())).toEqual([record.path, 'ü'])
  })
})
