import {
  constants,
  createGunzip,
  createInflate,
  createInflateRaw,
  type Gunzip,
  type Inflate,
  type InflateRaw,
} from 'node:zlib'
import { BodyMemory, CappedBody } from './capped-body.ts'

export type Packing = 'gzip' | 'deflate'

/**
 * The first bytes of a compressed body in plain form, or null when it cannot be decompressed.
 *
 * Stops at the limit, so that a small body that unpacks to gigabytes costs no more than any other.
 *
 * @param cut - The compressed bytes are only the beginning: their end is no fault.
 */
export function decompress(bytes: Buffer, packing: Packing, cut: boolean, maxBytes: number): Promise<Buffer | null> {
  const { promise, resolve } = Promise.withResolvers<Buffer | null>()
  const plain = new CappedBody(maxBytes, new BodyMemory(maxBytes))
  const stream = decompressor(bytes, packing, cut)
  stream.on('data', (chunk: Buffer) => {
    plain.append(chunk)
    if (!plain.cut) return
    resolve(plain.bytes())
    stream.destroy()
  })
  stream.on('end', () => resolve(plain.bytes()))
  stream.on('error', () => resolve(null))
  stream.end(bytes)
  return promise
}

function decompressor(bytes: Buffer, packing: Packing, cut: boolean): Gunzip | Inflate | InflateRaw {
  const options = cut ? { finishFlush: constants.Z_SYNC_FLUSH } : {}
  if (packing === 'gzip') return createGunzip(options)
  return hasZlibHeader(bytes) ? createInflate(options) : createInflateRaw(options)
}

/** `deflate` means the zlib form (RFC 9110, section 8.4.1.2); some servers send the bare one. */
function hasZlibHeader(bytes: Buffer): boolean {
  if (bytes.length < 2) return false
  return ((bytes[0] as number) & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0
}
