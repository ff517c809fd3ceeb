/** Too much work waits, or it has waited too long. */
export class WorkRefusedError extends Error {
  readonly code = 'GATEWAY_WORK_REFUSED'
}

/** Runs expensive work, some at a time; the rest waits in order, within bounds. */
export interface WorkQueue {
  /**
   * Runs work when its turn comes, and passes on what becomes of it.
   *
   * @param owner - whose work it is, where each has a share of the places to wait in.
   * @throws WorkRefusedError (rejects) when the queue or the owner's share of it is full, or its turn came too late.
   */
  run<T>(work: () => Promise<T>, owner?: string): Promise<T>
}

export interface WorkQueueOptions {
  readonly parallel: number
  readonly maxWaiting: number
  readonly maxWaitMs: number
  /** Of one owner. */
  readonly maxWaitingEach?: number
}

interface Waiting {
  readonly sinceMs: number
  readonly owner: string
  begin(): void
  refuse(err: WorkRefusedError): void
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { parallel, maxWaiting, maxWaitMs, maxWaitingEach = maxWaiting } = options
  // Taken from the front by index: shifting a long array costs its length.
  let waiting: Waiting[] = []
  let front = 0
  let running = 0
  /** How many wait, of owners that have any. */
  const shares = new Map<string, number>()

  function share(owner: string, change: 1 | -1): void {
    const count = (shares.get(owner) ?? 0) + change
    if (count === 0) shares.delete(owner)
    else shares.set(owner, count)
  }

  function turn(owner: string): Promise<void> {
    if (running < parallel) {
      running++
      return Promise.resolve()
    }
    if (waiting.length - front >= maxWaiting) {
      return Promise.reject(new WorkRefusedError(`${maxWaiting} already wait`))
    }
    if ((shares.get(owner) ?? 0) >= maxWaitingEach) {
      return Promise.reject(new WorkRefusedError(`${maxWaitingEach} of one owner already wait`))
    }
    share(owner, 1)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiting.push({ sinceMs: performance.now(), owner, begin: resolve, refuse: reject })
    return promise
  }

  function next(): void {
    for (;;) {
      const first = waiting[front++]
      if (first === undefined) {
        waiting = []
        front = 0
        running--
        return
      }
      share(first.owner, -1)
      if (performance.now() - first.sinceMs <= maxWaitMs) {
        first.begin()
        return
      }
      first.refuse(new WorkRefusedError(`waited for more than ${maxWaitMs} ms`))
    }
  }

  return {
    async run(work, owner = '') {
      await turn(owner)
      try {
        return await work()
      } finally {
        next()
      }
    },
  }
}
