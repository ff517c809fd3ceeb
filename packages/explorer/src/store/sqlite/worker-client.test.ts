import { describe, expect, it } from 'vitest'
import { eventually } from '../../../../../test/support/eventually.ts'
import { StoreUnavailableError } from '../types.ts'
import { createWorkerClient } from './worker-client.ts'

/** A thread that answers with the id it is asked for, never ends with `stuck`, takes a while for `slow`, and dies with `die`. */
const ENTRY = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId } from 'node:worker_threads'
    parentPort.on('message', ({ number, ask }) => {
      if (ask.id === 'die') process.exit(7)
      while (ask.id === 'stuck') {}
      if (ask.id === 'slow') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
      parentPort.postMessage({ number, answer: ask.id === 'thread' ? threadId : ask.id })
    })`)}`,
)

function start() {
  const client = createWorkerClient({ path: '/data/tek.db' }, { entry: ENTRY, stuckAfterMs: 50 })
  return {
    ask: (id: string, signal: AbortSignal = new AbortController().signal) =>
      client.ask({ kind: 'request', id }, signal),
    isStuck: () => client.isStuck(),
    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  }
}

describe('the thread of the store', () => {
  it('answers one question after the other', async () => {
    await using client = start()
    expect(await Promise.all(['a', 'b', 'c'].map((id) => client.ask(id)))).toEqual(['a', 'b', 'c'])
  })

  it('is replaced when it is stuck in a question that was given up, and the others are answered', async () => {
    await using client = start()
    const asked = new AbortController()
    const stuck = client.ask('stuck', asked.signal)
    const behind = client.ask('behind it')
    asked.abort(new Error('given up'))
    await expect(stuck).rejects.toThrow('given up')
    expect(await behind).toBe('behind it')
    expect(await client.ask('later')).toBe('later')
  })

  it('is left alone when only what waits behind a slow question is given up', async () => {
    await using client = start()
    const thread = await client.ask('thread')
    const asked = new AbortController()
    const slow = client.ask('slow')
    const behind = client.ask('behind it', asked.signal)
    asked.abort(new Error('given up'))
    await expect(behind).rejects.toThrow('given up')
    expect(await slow).toBe('slow')
    expect(await client.ask('thread')).toBe(thread)
  })

  it('is stuck from its end until another one has answered', async () => {
    await using client = start()
    const asked = new AbortController()
    const stuck = client.ask('stuck', asked.signal)
    asked.abort(new Error('given up'))
    await expect(stuck).rejects.toThrow('given up')
    expect(client.isStuck()).toBe(false)
    await eventually(() => expect(client.isStuck()).toBe(true))
    await client.ask('a')
    expect(client.isStuck()).toBe(false)
  })

  it('is started anew after it has died, which ends its questions', async () => {
    await using client = start()
    const dying = client.ask('die')
    const behind = client.ask('behind it')
    await expect(dying).rejects.toThrow(StoreUnavailableError)
    await expect(behind).rejects.toThrow('/data/tek.db: the thread that reads it ended with code 7')
    expect(await client.ask('later')).toBe('later')
  })

  it('is asked nothing by who does not wait', async () => {
    await using client = start()
    await expect(client.ask('a', AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
  })

  it('answers nobody once it is closed', async () => {
    const client = start()
    const open = client.ask('stuck')
    const closed = client.close()
    await expect(open).rejects.toThrow(StoreUnavailableError)
    await closed
    await expect(client.ask('a')).rejects.toThrow(StoreUnavailableError)
  })
})
