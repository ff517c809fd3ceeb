import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { WholeLines } from './whole-lines.ts'

/** Takes one piece at a time, when it is told to. */
function slowReader(): { stream: Writable; text: () => string; take: () => void } {
  let text = ''
  let taken: (() => void) | null = null
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _, done) {
      text += chunk.toString()
      taken = done
    },
  })
  return { stream, text: () => text, take: () => taken?.() }
}

function readAll(): { stream: PassThrough; text: () => string } {
  const stream = new PassThrough()
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { stream, text: () => text }
}

test('a line is written when it is whole', async () => {
  const { stream, text } = readAll()
  const lines = new WholeLines(stream)
  const [a, b] = [new PassThrough(), new PassThrough()]
  lines.add(a)
  lines.add(b)
  a.write('a1\na')
  await eventually(() => expect(text()).toBe('a1\n'))
  b.write('b1\nb2\n')
  await eventually(() => expect(text()).toBe('a1\nb1\nb2\n'))
  a.write('2 é')
  a.write('\n')
  await eventually(() => expect(text()).toBe('a1\nb1\nb2\na2 é\n'))
})

test('the last words of a process that has ended get a line of their own', async () => {
  const { stream, text } = readAll()
  const from = new PassThrough()
  new WholeLines(stream).add(from)
  from.end('out of mem')
  await eventually(() => expect(text()).toBe('out of mem\n'))
})

test('a reader that is slow holds the writers back', async () => {
  const reader = slowReader()
  const from = new PassThrough()
  new WholeLines(reader.stream).add(from)
  from.write('1\n')
  await eventually(() => expect(from.isPaused()).toBe(true))
  from.write('2\n')
  expect(reader.text()).toBe('1\n')
  reader.take()
  await eventually(() => expect(reader.text()).toBe('1\n2\n'))
})
