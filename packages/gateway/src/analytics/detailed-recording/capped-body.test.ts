import { array, assert, integer, property, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { BodyMemory, CappedBody } from './capped-body.ts'

const plenty = (): BodyMemory => new BodyMemory(1_000_000)

test('keeps the first bytes of a body, however it is cut up', () => {
  assert(
    property(array(uint8Array({ maxLength: 6000 })), integer({ min: 0, max: 20_000 }), (chunks, limit) => {
      const body = new CappedBody(limit, plenty())
      for (const chunk of chunks) body.append(chunk)
      const whole = Buffer.concat(chunks)
      expect(body.bytes().equals(whole.subarray(0, limit))).toBe(true)
      expect(body.length).toBe(Math.min(whole.length, limit))
      expect(body.cut).toBe(whole.length > limit)
    }),
  )
})

test('keeps its own copy', () => {
  const body = new CappedBody(10, plenty())
  const chunk = Buffer.from('abc')
  body.append(chunk)
  chunk.fill('x')
  expect(body.bytes().toString()).toBe('abc')
})

test('bodies share one memory: without any left a body is cut, and what one gives back another can take', () => {
  const memory = new BodyMemory(6000)
  const first = new CappedBody(100_000, memory)
  const second = new CappedBody(100_000, memory)
  first.append(Buffer.alloc(5000, 'a'))
  second.append(Buffer.alloc(5000, 'b'))
  expect([first.length, first.cut, second.length, second.cut]).toEqual([5000, false, 0, true])
  first.append(Buffer.alloc(5000, 'a'))
  expect([first.length, first.cut]).toEqual([5000, true])
  first.release()
  first.append(Buffer.from('late'))
  expect(first.length).toBe(0)
  const third = new CappedBody(100_000, memory)
  third.append(Buffer.alloc(6000, 'c'))
  expect([third.length, third.cut]).toEqual([6000, false])
})
