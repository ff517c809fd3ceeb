import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { decompress } from './decompress.ts'

const text = 'the quick brown fox '.repeat(50)
const limit = 1_000_000

test.each([
  ['gzip', gzipSync(text), 'gzip'],
  ['deflate with its zlib header', deflateSync(text), 'deflate'],
  ['deflate without', deflateRawSync(text), 'deflate'],
] as const)('unpacks %s', async (_, bytes, packing) => {
  expect((await decompress(bytes, packing, false, limit))?.toString()).toBe(text)
})

test('gives the beginning of a body of which only the beginning was kept', async () => {
  const noise = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 7919) % 251))
  const bytes = gzipSync(noise)
  const plain = await decompress(bytes.subarray(0, bytes.length / 2), 'gzip', true, limit)
  expect(plain?.length).toBeGreaterThan(100)
  expect(noise.subarray(0, plain?.length).equals(plain as Buffer)).toBe(true)
})

test.each([
  ['something else', Buffer.from('not packed')],
  ['a body that ends too early', gzipSync(text).subarray(0, 40)],
])('gives nothing for %s', async (_, bytes) => {
  expect(await decompress(bytes, 'gzip', false, limit)).toBeNull()
})

test('stops at the limit, whatever a small body unpacks to', async () => {
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024))
  const plain = await decompress(bomb, 'gzip', false, 1000)
  expect(plain?.length).toBe(1000)
})
