import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordId } from './record-id.ts'

/** As the form is described: six bytes of time, sixteen of the hash, in base64url. */
function plainId(raw: Uint8Array, seconds: number, nanos: number): string {
  const bytes = Buffer.alloc(22)
  const ms = Math.min(Math.max(seconds * 1000 + Math.floor(nanos / 1e6), 0), 2 ** 48 - 1)
  bytes.writeUIntBE(ms, 0, 6)
  createHash('sha256').update(raw).digest().copy(bytes, 6, 0, 16)
  return bytes.toString('base64url')
}

describe('recordId', () => {
  it('is the time and the hash in base64url', () => {
    const raw = Buffer.from('one record')
    expect(recordId(raw, { seconds: 1_769_594_460, nanos: 123_456_789 })).toBe('AZwEDJfbRnOn485uUrjA5rT-sAvryQ')
    const instant = fc.record({
      seconds: fc.oneof(fc.integer({ min: 0, max: 2 ** 33 }), fc.maxSafeInteger()),
      nanos: fc.integer({ min: 0, max: 999_999_999 }),
    })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), instant, (bytes, { seconds, nanos }) => {
        expect(recordId(bytes, { seconds, nanos })).toBe(plainId(bytes, seconds, nanos))
      }),
      { numRuns: 2000 },
    )
  })

  it('sorts by time', () => {
    const raw = new Uint8Array()
    // Base64url does not sort like its bytes; these digits do.
    const at = (ms: number): string => recordId(raw, { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 })
    const [first, second] = [1_769_594_460_000, 1_769_594_470_000]
    expect(Buffer.from(at(first), 'base64url').compare(Buffer.from(at(second), 'base64url'))).toBe(-1)
  })
})
