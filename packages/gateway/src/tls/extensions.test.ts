import { describe, expect, test } from 'vitest'
import { createCa, createLeaf } from '../../test/support/client-certificates.ts'
import { readExtensions } from './extensions.ts'

const element = (tag: number, ...content: Uint8Array[]): Buffer => {
  const bytes = Buffer.concat(content)
  const length = bytes.length < 0x80 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), bytes])
}
const sequence = (...content: Uint8Array[]): Buffer => element(0x30, ...content)
const oid = (hex: string): Buffer => element(0x06, Buffer.from(hex, 'hex'))
const CRITICAL = element(0x01, Buffer.from([0xff]))

/** A certificate with nothing but extensions in it. */
const certificateWith = (...extensions: Uint8Array[]): Buffer =>
  sequence(sequence(element(0xa3, sequence(...extensions))))

describe('readExtensions', () => {
  test('finds how many authorities may follow', async () => {
    expect(readExtensions((await createCa('ca', { pathLength: 0 })).certificate.raw).pathLength).toBe(0)
    expect(readExtensions((await createCa('ca', { pathLength: 300 })).certificate.raw).pathLength).toBe(300)
    expect(readExtensions((await createCa('ca')).certificate.raw).pathLength).toBe(Infinity)
    expect(readExtensions((await createLeaf('leaf')).certificate.raw)).toEqual({
      pathLength: Infinity,
      unknownCritical: [],
    })
  })

  test('names critical extensions that it does not know, such as name constraints', () => {
    const constraints = sequence(oid('551d1e'), CRITICAL, element(0x04, Buffer.alloc(200)))
    const optional = sequence(oid('2a0304'), element(0x04))
    const notCritical = sequence(oid('2a0305'), element(0x01, Buffer.from([0])), element(0x04))
    const usage = sequence(oid('551d0f'), CRITICAL, element(0x04))
    expect(readExtensions(certificateWith(constraints, optional, notCritical, usage)).unknownCritical).toEqual([
      '551d1e',
    ])
  })

  test.each([
    ['bytes that are cut', certificateWith(sequence(oid('551d1e'))).subarray(0, 9)],
    ['a length that never ends', Buffer.from([0x30, 0x80, 0, 0])],
    ['a length of many bytes', Buffer.from([0x30, 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 0])],
    ['an extension without a name', certificateWith(sequence())],
  ])('refuses %s', (_, bytes) => {
    expect(() => readExtensions(bytes)).toThrow(RangeError)
  })
})
