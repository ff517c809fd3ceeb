import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { PeerGoneError, PeerLateError } from './errors.ts'
import { createPeer, type Handlers, type Line, type Peer } from './peer.ts'

type Sums = { add: readonly [readonly number[], number]; note: readonly [string, null] }
type Nothing = Record<string, readonly [null, null]>

/** Two ends of a line; what is sent goes through JSON. */
function lines(): [Line, Line] {
  const ends = [new EventEmitter(), new EventEmitter()] as const
  const lineOf = (own: EventEmitter, other: EventEmitter): Line => ({
    send: (message) => setImmediate(() => other.emit('message', JSON.parse(JSON.stringify(message)))),
    onMessage: (listener) => void own.on('message', listener),
  })
  return [lineOf(ends[0], ends[1]), lineOf(ends[1], ends[0])]
}

function asking(handlers: Handlers<Sums>): Peer<Sums> {
  const [here, there] = lines()
  createPeer<Sums, Nothing>(there, handlers)
  return createPeer<Nothing, Sums>(here, {})
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0)

test('answers questions, also several at a time and out of order', async () => {
  const answers: (() => void)[] = []
  const peer = asking({
    add: (numbers) => new Promise((resolve) => answers.unshift(() => resolve(sum(numbers)))),
    note: () => null,
  })
  const asked = [peer.ask('add', [1, 2], 5000), peer.ask('add', [3, 4], 5000)]
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  for (const answer of answers) answer()
  expect(await Promise.all(asked)).toEqual([3, 7])
})

test('hears what is said in its order', async () => {
  const heard: string[] = []
  const peer = asking({ add: sum, note: (text) => (heard.push(text), null) })
  for (const text of ['a', 'b', 'c']) peer.tell('note', text)
  await peer.ask('add', [], 5000)
  expect(heard).toEqual(['a', 'b', 'c'])
})

test('passes an error on with its message, code and port', async () => {
  const peer = asking({
    add() {
      throw Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE', port: 8080 })
    },
    note: () => null,
  })
  await expect(peer.ask('add', [], 5000)).rejects.toMatchObject({
    message: 'bind EADDRINUSE',
    code: 'EADDRINUSE',
    port: 8080,
  })
})

test('does not wait for a process that has ended, nor for ever', async () => {
  const peer = asking({ add: () => new Promise<number>(() => {}), note: () => null })
  const late = peer.ask('add', [], 1)
  await expect(late).rejects.toThrow(PeerLateError)
  const gone = peer.ask('add', [], 60_000)
  peer.close()
  await expect(gone).rejects.toThrow(PeerGoneError)
  await expect(peer.ask('add', [], 60_000)).rejects.toThrow(PeerGoneError)
})
