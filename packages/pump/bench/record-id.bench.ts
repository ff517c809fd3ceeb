// What does the id of a record cost, and what of it is the hash?
// Run: node --conditions=source bench/record-id.bench.ts
import { hash, randomBytes } from 'node:crypto'
import { compare } from '../../../bench/lib/compare.ts'
import { recordId } from '../src/lease/record-id.ts'

const raws = Array.from({ length: 1024 }, () => randomBytes(900))
const timeOf = (call: number) => ({ seconds: 1_790_000_000 + (call >> 10), nanos: (call & 1023) * 900_000 })

compare('the id of a record of 900 bytes', [
  { name: 'recordId', run: (call) => recordId(raws[call & 1023]!, timeOf(call)) },
  {
    name: 'through buffers',
    run: (call) => {
      const bytes = Buffer.alloc(22)
      const { seconds, nanos } = timeOf(call)
      bytes.writeUIntBE(seconds * 1000 + Math.floor(nanos / 1e6), 0, 6)
      hash('sha256', raws[call & 1023]!, 'buffer').copy(bytes, 6, 0, 16)
      return bytes.toString('base64url')
    },
  },
  { name: 'the hash as text, alone', run: (call) => hash('sha256', raws[call & 1023]!, 'base64url') },
])
