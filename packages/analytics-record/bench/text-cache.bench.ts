// What does it cost to find a text by its bytes, and what to make it?
// Run: node --conditions=source bench/text-cache.bench.ts
import { compare } from '../../../bench/lib/compare.ts'
import { TextCache } from '../src/msgpack/text-cache.ts'

/** Texts per call: one alone is too short to be timed. */
const TEXTS = 16

for (const length of [4, 12, 36, 104]) {
  const bytes = Buffer.alloc(TEXTS * length + 4, 'GET /orders/17 of a client and the API it calls ')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const cache = new TextCache()
  const read = (text: (start: number) => string | null): number => {
    let units = 0
    for (let i = 0; i < TEXTS; i++) units += text(i * length)?.length ?? 0
    return units
  }
  compare(`${TEXTS} texts of ${length} bytes`, [
    { name: 'TextCache', run: () => read((start) => cache.get(view, bytes, start, length)) },
    { name: 'Buffer.toString as latin1', run: () => read((start) => bytes.toString('latin1', start, start + length)) },
    { name: 'Buffer.toString as utf8', run: () => read((start) => bytes.toString('utf8', start, start + length)) },
  ])
}
