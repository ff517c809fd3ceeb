// Up to which length does a loop beat the call into Node.js: over the words of a run, over the units of a text?
// Run: node --conditions=source bench/copy.bench.ts
import { compare } from '../../../bench/lib/compare.ts'
import { byteRun, type ByteRun } from '../src/msgpack/runs.ts'

/** Copies per call: one alone is too short to be timed. */
const COPIES = 16
const chunk = Buffer.alloc(64 * 1024)
const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length)

function copies(copy: (at: number, i: number) => number): number {
  let at = 0
  for (let i = 0; i < COPIES; i++) at = copy(at, i)
  return at
}

function wordsInLoop({ words, length }: ByteRun, at: number): number {
  for (let i = 0; i < words.length; i++) view.setInt32(at + i * 4, words[i]!)
  return at + length
}

function bytesInLoop({ bytes }: ByteRun, at: number): number {
  for (let i = 0; i < bytes.length; i++) chunk[at + i] = bytes[i]!
  return at + bytes.length
}

function bytesInCall({ bytes }: ByteRun, at: number): number {
  chunk.set(bytes, at)
  return at + bytes.length
}

const BEYOND_BYTE = /[^\0-\xff]/

function unitsInLoop(text: string, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) throw new Error('no byte')
    chunk[at + i] = unit
  }
  return at + text.length
}

/** The units have to be looked at all the same: in a loop, or by a regular expression. */
function lookedAtInLoop(text: string, at: number): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) throw new Error('no byte')
  chunk.write(text, at, 'latin1')
  return at + text.length
}

function searched(text: string, at: number): number {
  if (BEYOND_BYTE.test(text)) throw new Error('no byte')
  chunk.write(text, at, 'latin1')
  return at + text.length
}

const utf8InCall = (text: string, at: number): number => {
  const length = Buffer.byteLength(text)
  chunk.write(text, at, 'utf8')
  return at + length
}

for (const words of [3, 6, 8, 10, 15, 30]) {
  const runs = Array.from({ length: COPIES }, (_, i) => byteRun(Buffer.alloc(words * 4 - 1, i + 1)))
  compare(`${COPIES} runs of ${words} words`, [
    { name: 'loop over the words', run: () => copies((at, i) => wordsInLoop(runs[i]!, at)) },
    { name: 'TypedArray.set', run: () => copies((at, i) => bytesInCall(runs[i]!, at)) },
    { name: 'loop over the bytes', run: () => copies((at, i) => bytesInLoop(runs[i]!, at)) },
  ])
}

for (const units of [8, 16, 24, 32, 48, 64, 128, 1000]) {
  const texts = Array.from({ length: COPIES }, (_, i) => Buffer.alloc(units, 0x41 + i).toString('latin1'))
  compare(`${COPIES} texts of ${units} units`, [
    { name: 'loop over the units', run: () => copies((at, i) => unitsInLoop(texts[i]!, at)) },
    { name: 'regular expression, Buffer.write as latin1', run: () => copies((at, i) => searched(texts[i]!, at)) },
    { name: 'loop to look, Buffer.write as latin1', run: () => copies((at, i) => lookedAtInLoop(texts[i]!, at)) },
    { name: 'Buffer.byteLength, Buffer.write as utf8', run: () => copies((at, i) => utf8InCall(texts[i]!, at)) },
  ])
}
