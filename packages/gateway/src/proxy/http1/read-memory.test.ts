import { expect, test } from 'vitest'
import { ReadMemory } from './read-memory.ts'

const READ_BYTES = 65_536
const readOf = (bytes = READ_BYTES): Buffer => Buffer.from(new ArrayBuffer(bytes))

test('gives the memory back when the last piece is written and no more can come', () => {
  const chunk = readOf()
  const memory = ReadMemory.of(chunk) as ReadMemory
  const first = memory.add()
  const second = memory.add()
  first()
  second(null)
  expect(chunk).toHaveLength(READ_BYTES)
  memory.complete()
  expect(chunk).toHaveLength(0)
})

test('waits for pieces that are written late', () => {
  const chunk = readOf()
  const memory = ReadMemory.of(chunk) as ReadMemory
  const [first, second] = [memory.add(), memory.add()]
  memory.complete()
  first()
  expect(chunk).toHaveLength(READ_BYTES)
  second()
  expect(chunk).toHaveLength(0)
})

test('keeps what a failed write may still be reading, and what had no piece at all', () => {
  const failed = readOf()
  ReadMemory.whole(failed)?.(new Error('closed'))
  expect(failed).toHaveLength(READ_BYTES)
  const other = readOf()
  ReadMemory.of(other)?.complete()
  expect(other).toHaveLength(READ_BYTES)
})

test('leaves memory alone that is shared, or small', () => {
  const memory = new ArrayBuffer(2 * READ_BYTES)
  expect(ReadMemory.of(Buffer.from(memory, 0, READ_BYTES))).toBeNull()
  expect(ReadMemory.of(Buffer.from(memory, READ_BYTES, READ_BYTES))).toBeNull()
  expect(ReadMemory.of(readOf(1000))).toBeNull()
})
