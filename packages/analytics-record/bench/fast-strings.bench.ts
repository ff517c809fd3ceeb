// What does a call of `charCodeAt` cost before a class extends String, behind it, and once the methods are fast again?
// Run: node --conditions=source bench/fast-strings.bench.ts
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { keepStringMethodsFast } from '../src/fast-strings.ts'

/** A process each: what has become of the methods stays. */
const CASES = ['no such class', 'a class extends String', 'and the methods are kept fast'] as const
const ROUNDS = 9
const CALLS = 200_000
const TEXT = Buffer.alloc(64, 'Content-Type: application/json\r\n').toString('latin1')

const [, , what] = process.argv
if (what === undefined) for (const each of CASES) console.log(`${each}: ${medianOf(each)} ns`)
else console.log(measure(what))

function medianOf(each: string): string {
  const times = Array.from({ length: ROUNDS }, () =>
    Number(
      spawnSync(process.execPath, ['--conditions=source', fileURLToPath(import.meta.url), each]).stdout.toString(),
    ),
  ).sort((a, b) => a - b)
  return `${times[Math.floor(ROUNDS / 2)]?.toFixed(2)} (${times[0]?.toFixed(2)} to ${times.at(-1)?.toFixed(2)})`
}

function sumOf(text: string): number {
  let sum = 0
  for (let i = 0; i < text.length; i++) sum += text.charCodeAt(i)
  return sum
}

/** Nanoseconds a call. */
function measure(each: string): number {
  if (each !== CASES[0]) extendString()
  if (each === CASES[2]) keepStringMethodsFast()
  let sum = 0
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const beforeMs = performance.now()
    for (let i = 0; i < CALLS; i++) sum += sumOf(TEXT)
    best = Math.min(best, performance.now() - beforeMs)
  }
  if (sum === 0) throw new Error('nothing was read')
  return (best * 1e6) / CALLS / TEXT.length
}

/** As ioredis does. */
function extendString(): unknown {
  return class extends String {}
}
