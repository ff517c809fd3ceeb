import { describe, expect, it } from 'vitest'
import { createSharing } from './sharing.ts'

const never = (): AbortSignal => new AbortController().signal

/** Work that ends when it is told to, and remembers its signal. */
function controlled() {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const signals: AbortSignal[] = []
  const work = (signal: AbortSignal): Promise<string> => {
    signals.push(signal)
    signal.addEventListener('abort', () => reject(signal.reason as Error))
    return promise
  }
  return { work, resolve, reject, signals }
}

describe('sharing', () => {
  it('does equal work once, for all who wait', async () => {
    const sharing = createSharing()
    const { work, resolve, signals } = controlled()
    const both = [sharing.run('a', never(), work), sharing.run('a', never(), work)]
    resolve('answer')
    expect(await Promise.all(both)).toEqual(['answer', 'answer'])
    expect(signals).toHaveLength(1)
  })

  it('does it again for one who comes later', async () => {
    const sharing = createSharing()
    let runs = 0
    const work = async (): Promise<number> => ++runs
    expect(await sharing.run('a', never(), work)).toBe(1)
    expect(await sharing.run('a', never(), work)).toBe(2)
  })

  it('goes on while somebody waits, and is given up with the last one', async () => {
    const sharing = createSharing()
    const { work, signals } = controlled()
    const [first, second] = [new AbortController(), new AbortController()]
    const answers = [sharing.run('a', first.signal, work), sharing.run('a', second.signal, work)]
    first.abort(new Error('first left'))
    await expect(answers[0]).rejects.toThrow('first left')
    expect(signals[0]?.aborted).toBe(false)
    second.abort(new Error('second left'))
    await expect(answers[1]).rejects.toThrow('second left')
    expect(signals[0]?.aborted).toBe(true)
  })

  it('does not give work that was given up to somebody new', async () => {
    const sharing = createSharing()
    const old = controlled()
    const leaving = new AbortController()
    const left = sharing.run('a', leaving.signal, old.work)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    const fresh = controlled()
    const answer = sharing.run('a', never(), fresh.work)
    fresh.resolve('new')
    expect(await answer).toBe('new')
  })

  it('tells all who wait about a failure', async () => {
    const sharing = createSharing()
    const { work, reject } = controlled()
    const both = [sharing.run('a', never(), work), sharing.run('a', never(), work)]
    reject(new Error('broken'))
    await expect(both[0]).rejects.toThrow('broken')
    await expect(both[1]).rejects.toThrow('broken')
  })
})
