import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { holdEveryWrite, holdWrites, releaseWrites } from './hold-writes.ts'
import { awaited } from './stay-awake.ts'

async function connect(): Promise<{ near: net.Socket; far: net.Socket } & AsyncDisposable> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[net.Socket], unknown]
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.destroy()
      far.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('writes leave together at the end of the turn', async () => {
  await using pair = await connect()
  const { near, far } = pair
  holdWrites(near, awaited())
  holdWrites(near, awaited())
  near.write('one ')
  near.write('two')
  expect([near.bytesWritten, near.writableLength]).toEqual([7, 7])
  await nextTurn()
  expect([near.writableLength, near.writableCorked]).toEqual([0, 0])
  expect(String((await once(far, 'data'))[0])).toBe('one two')
})

test('are not lost with a socket that is destroyed in the same turn, when they are released first', async () => {
  await using pair = await connect()
  const { near, far } = pair
  holdEveryWrite(near, awaited())
  near.write('kept')
  releaseWrites()
  near.destroy()
  expect(String((await once(far, 'data'))[0])).toBe('kept')
})

test('of a socket that ended meanwhile are sent before its end', async () => {
  await using pair = await connect()
  const { near, far } = pair
  holdWrites(near, awaited())
  near.end('last words')
  expect(String((await once(far, 'data'))[0])).toBe('last words')
  await once(far, 'end')
})
