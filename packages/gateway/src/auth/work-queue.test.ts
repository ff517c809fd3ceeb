import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createWorkQueue, WorkRefusedError } from './work-queue.ts'

/** Work that ends when the test says so. */
function held() {
  const { promise, resolve } = Promise.withResolvers<void>()
  let begun = false
  return {
    get begun() {
      return begun
    },
    end: resolve,
    work: () => {
      begun = true
      return promise
    },
  }
}

describe('a work queue', () => {
  test('runs so many at a time, the others in their order', async () => {
    const queue = createWorkQueue({ parallel: 2, maxWaiting: 10, maxWaitMs: 10_000 })
    const works = Array.from({ length: 4 }, held)
    const done = works.map(({ work }) => queue.run(work))
    await turn()
    expect(works.map(({ begun }) => begun)).toEqual([true, true, false, false])
    works[1]?.end()
    await done[1]
    await turn()
    expect(works.map(({ begun }) => begun)).toEqual([true, true, true, false])
    for (const { end } of works) end()
    await Promise.all(done)
    expect(works.every(({ begun }) => begun)).toBe(true)
  })

  test('passes results and failures on, and goes on after a failure', async () => {
    const queue = createWorkQueue({ parallel: 1, maxWaiting: 10, maxWaitMs: 10_000 })
    await expect(queue.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(await queue.run(() => Promise.resolve(7))).toBe(7)
  })

  test('refuses what would make it longer than its bound', async () => {
    const queue = createWorkQueue({ parallel: 1, maxWaiting: 1, maxWaitMs: 10_000 })
    const [first, second] = [held(), held()]
    const running = [queue.run(first.work), queue.run(second.work)]
    await expect(queue.run(() => Promise.resolve())).rejects.toThrow(WorkRefusedError)
    first.end()
    second.end()
    await Promise.all(running)
    await queue.run(() => Promise.resolve())
  })

  test('keeps places for others when one owner has had its share', async () => {
    const queue = createWorkQueue({ parallel: 1, maxWaiting: 10, maxWaitMs: 10_000, maxWaitingEach: 1 })
    const first = held()
    const running = [queue.run(first.work, 'a'), queue.run(() => Promise.resolve(), 'a')]
    await expect(queue.run(() => Promise.resolve(), 'a')).rejects.toThrow(WorkRefusedError)
    const other = queue.run(() => Promise.resolve('runs'), 'b')
    first.end()
    await Promise.all(running)
    expect(await other).toBe('runs')
    expect(await queue.run(() => Promise.resolve('again'), 'a')).toBe('again')
  })

  test('refuses what has waited too long, and begins the next', async () => {
    const queue = createWorkQueue({ parallel: 1, maxWaiting: 10, maxWaitMs: -1 })
    const first = held()
    const running = queue.run(first.work)
    const late = queue.run(() => Promise.resolve())
    first.end()
    await running
    await expect(late).rejects.toThrow(WorkRefusedError)
    expect(await queue.run(() => Promise.resolve('runs'))).toBe('runs')
  })
})
