// How long does it take to see that a header value is ASCII?
// Run: node --conditions=source bench/byte-string.bench.ts
import { compare } from '../../../bench/lib/compare.ts'
import { fromByteString } from '../src/byte-string.ts'

const ASCII = /^[\u0000-\u007f]*$/

function loop(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.from(text, 'latin1').toString('utf8')
  }
  return text
}

for (const length of [20, 190]) {
  const values = Array.from({ length: 64 }, (_, i) =>
    Buffer.from(`${i}`.padEnd(length, 'eyJhbGciOi')).toString('latin1'),
  )
  const value = (call: number): string => values[call & 63] ?? ''
  compare(`a value of ${length} characters`, [
    { name: 'fromByteString', run: (call) => fromByteString(value(call)) },
    { name: 'a loop', run: (call) => loop(value(call)) },
    { name: 'a regular expression', run: (call) => ASCII.test(value(call)) },
  ])
}
