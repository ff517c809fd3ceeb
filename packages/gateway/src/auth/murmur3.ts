/**
 * MurmurHash3 with seed 0, as keys are hashed for storage. Two forms: x86 32 bit and x64 128 bit.
 *
 * The algorithm is in the public domain; the constants below are its own.
 */

/**
 * MurmurHash3 x86_32 of some bytes as Tyk's gateway computes it, as an unsigned integer.
 *
 * Tyk leaves the final mixing out when the length is a multiple of four (recorded keys of 8 and 24 bytes show it). Keys
 * that lie in Redis have these names, so it is kept.
 */
export function murmur32(bytes: Uint8Array): number {
  let h = 0
  const blocks = bytes.length - (bytes.length % 4)
  for (let i = 0; i < blocks; i += 4) {
    h ^= mix32(byte(bytes, i) | (byte(bytes, i + 1) << 8) | (byte(bytes, i + 2) << 16) | (byte(bytes, i + 3) << 24))
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
  }
  if (blocks === bytes.length) return h >>> 0
  h ^= mix32(byte(bytes, blocks) | (byte(bytes, blocks + 1) << 8) | (byte(bytes, blocks + 2) << 16))
  h ^= bytes.length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const byte = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0

function mix32(k: number): number {
  const c1 = Math.imul(k, 0xcc9e2d51)
  return Math.imul((c1 << 15) | (c1 >>> 17), 0x1b873593)
}

const C1 = 0x87c37b91114253d5n
const C2 = 0x4cf5ad432745937fn

/** MurmurHash3 x64_128 of some bytes: its two halves, as unsigned 64-bit integers. */
export function murmur128(bytes: Uint8Array): readonly [h1: bigint, h2: bigint] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const blocks = bytes.length - (bytes.length % 16)
  let h1 = 0n
  let h2 = 0n
  for (let i = 0; i < blocks; i += 16) {
    h1 ^= mixFirst(view.getBigUint64(i, true))
    h1 = u64(u64(rotate(h1, 27n) + h2) * 5n + 0x52dce729n)
    h2 ^= mixSecond(view.getBigUint64(i + 8, true))
    h2 = u64(u64(rotate(h2, 31n) + h1) * 5n + 0x38495ab5n)
  }
  h2 ^= mixSecond(tail(bytes, blocks + 8, bytes.length))
  h1 ^= mixFirst(tail(bytes, blocks, Math.min(blocks + 8, bytes.length)))
  const length = BigInt(bytes.length)
  h1 = u64((h1 ^ length) + (h2 ^ length))
  h2 = u64((h2 ^ length) + h1)
  const f1 = finish(h1)
  const f2 = finish(h2)
  const first = u64(f1 + f2)
  return [first, u64(f2 + first)]
}

const u64 = (n: bigint): bigint => BigInt.asUintN(64, n)
const rotate = (n: bigint, by: bigint): bigint => u64((n << by) | (n >> (64n - by)))
const mixFirst = (k: bigint): bigint => u64(rotate(u64(k * C1), 31n) * C2)
const mixSecond = (k: bigint): bigint => u64(rotate(u64(k * C2), 33n) * C1)

/** The bytes of an unfinished block as a little-endian integer. */
function tail(bytes: Uint8Array, from: number, to: number): bigint {
  let value = 0n
  for (let i = to - 1; i >= from; i--) value = (value << 8n) | BigInt(byte(bytes, i))
  return value
}

function finish(n: bigint): bigint {
  let h = u64((n ^ (n >> 33n)) * 0xff51afd7ed558ccdn)
  h = u64((h ^ (h >> 33n)) * 0xc4ceb9fe1a85ec53n)
  return h ^ (h >> 33n)
}
