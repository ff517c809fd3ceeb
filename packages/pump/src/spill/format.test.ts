import { describe, expect, it } from 'vitest'
import { type Random, createRandom } from '../../../../test/support/random.ts'
import { SPILL_MAGIC, type SpillHeader, type SpilledRecord, decodeSpill, encodeHeader, framePrefix } from './format.ts'

const SEED = Number(process.env['TEK_SEED'] ?? 20_261_128)
const ROUNDS = 300

const HEADER: SpillHeader = {
  version: 1,
  id: 'mi00-1',
  source: 'analytics-tyk-system-analytics',
  serialisation: 'msgpack',
  offsets: { A: 3, ES: 5 },
  first: 3,
  total: 6,
  only: false,
}

const recordsOf = (header: SpillHeader, make: (index: number) => Buffer): SpilledRecord[] =>
  Array.from({ length: header.total - header.first }, (_, i) => ({
    index: header.first + i,
    raw: make(header.first + i),
  }))

function encode(header: SpillHeader, records: readonly SpilledRecord[]): Buffer {
  const frames = records.flatMap(({ index, raw }) => [framePrefix(index, raw), raw])
  return Buffer.concat([SPILL_MAGIC, encodeHeader(header), ...frames, encodeHeader(header)])
}

const SMALL = recordsOf(HEADER, (index) => Buffer.from(`record ${index}`))

describe('a file of spilled records', () => {
  it('gives back what went in', () => {
    const decoded = decodeSpill(encode(HEADER, SMALL))
    expect(decoded).toEqual({ header: HEADER, records: SMALL, damage: null, lost: 0, tally: null })
  })

  it('keeps the other records when one has a flipped bit', () => {
    const file = encode(HEADER, SMALL)
    const at = file.indexOf('record 4')
    file[at] = (file[at] ?? 0) ^ 1
    const { records, damage, lost } = decodeSpill(file)
    expect(records).toEqual([SMALL[0], SMALL[2]])
    expect(lost).toBe(1)
    expect(damage).toMatch(/^\d+ bytes at \d+ are not as they were written$/)
  })

  it('keeps what comes before a torn end', () => {
    const file = encode(HEADER, SMALL)
    const { header, records, damage, lost } = decodeSpill(file.subarray(0, file.indexOf('record 5') + 3))
    expect([header, records, lost]).toEqual([HEADER, SMALL.slice(0, 2), 1])
    expect(damage).toMatch(/are not as they were written, and 1 more$/)
  })

  it('knows a file that is torn between two records', () => {
    const file = encode(HEADER, SMALL)
    const { records, damage, lost } = decodeSpill(file.subarray(0, file.indexOf('record 4') - 16))
    expect([records, damage, lost]).toEqual([SMALL.slice(0, 1), 'the end is missing', 2])
  })

  it('reads the second header when the first is damaged', () => {
    const file = encode(HEADER, SMALL)
    file[SPILL_MAGIC.length + 20] = 0
    expect(decodeSpill(file)).toEqual({
      header: HEADER,
      records: SMALL,
      damage: 'the header is not readable',
      lost: 0,
      tally: null,
    })
  })

  it('says at its end of which minutes and APIs its records were, if it was told', () => {
    const frames = SMALL.flatMap(({ index, raw }) => [framePrefix(index, raw), raw])
    const tally = [
      [7, 'an API', 2],
      [8, '', 1],
    ] as const
    const last = encodeHeader({ ...HEADER, tally })
    const decoded = decodeSpill(Buffer.concat([SPILL_MAGIC, encodeHeader(HEADER), ...frames, last]))
    expect(decoded).toEqual({ header: HEADER, records: SMALL, damage: null, lost: 0, tally })
  })

  it('does not take a record for one that only looks like one inside another', () => {
    const inner = Buffer.concat([framePrefix(9, Buffer.from('x')), Buffer.from('x')])
    const records = [{ index: 3, raw: inner }, ...SMALL.slice(1)]
    expect(decodeSpill(encode(HEADER, records)).records).toEqual(records)
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('something else altogether')],
    ['the magic alone', SPILL_MAGIC],
  ])('says of %s that it cannot be read', (_, file) => {
    expect(decodeSpill(file)).toMatchObject({ header: null, records: [], lost: -1 })
  })
})

describe(`random files (seed ${SEED})`, () => {
  const random = createRandom(SEED)

  function randomFile(r: Random): { header: SpillHeader; records: SpilledRecord[]; file: Buffer } {
    const first = r.integer(1000)
    const offsets = Object.fromEntries(Array.from({ length: 1 + r.integer(4) }, (_, i) => [`S${i}`, r.integer(2000)]))
    const header = { ...HEADER, id: `id-${r.integer(1e9)}`, first, total: first + r.integer(40), offsets }
    const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => r.integer(256)))
    const records = recordsOf(header, () => bytes(r.pick([0, 1, 7, 100, 3000])))
    return { header, records, file: encode(header, records) }
  }

  it('are read as they were written', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { header, records, file } = randomFile(random)
      expect(decodeSpill(file)).toEqual({ header, records, damage: null, lost: 0, tally: null })
    }
  })

  /** The model: a record is good exactly if none of its bytes changed, whatever else did. */
  it('lose the damaged records and no others, and never show one that was not written', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { header, records, file } = randomFile(random)
      const damaged = Buffer.from(file)
      const cut = random.integer(3) === 0 ? random.integer(file.length) : file.length
      for (let flips = random.integer(4); flips > 0; flips--) {
        const at = random.integer(file.length)
        damaged[at] = (damaged[at] ?? 0) ^ (1 << random.integer(8))
      }
      let at = SPILL_MAGIC.length + encodeHeader(header).length
      const good = records.filter(({ raw }) => {
        const [begin, end] = [at, (at += 16 + raw.length)]
        return end <= cut && damaged.subarray(begin, end).equals(file.subarray(begin, end))
      })
      const isWhole = cut === file.length && damaged.equals(file)
      const decoded = decodeSpill(damaged.subarray(0, cut))
      expect(decoded.records, `round ${round}`).toEqual(good)
      expect(decoded.damage === null, `round ${round}`).toBe(isWhole)
      if (decoded.header !== null) expect(decoded.lost).toBe(records.length - good.length)
    }
  })
})
