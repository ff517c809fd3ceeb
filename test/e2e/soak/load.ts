import http from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../support/random.ts'
import type { Call } from './call.ts'
import type { Kind } from './kinds.ts'
import type { Ledger } from './ledger.ts'

export interface LoadOptions {
  readonly port: number
  readonly keys: Readonly<Record<string, string>>
  readonly kinds: readonly Kind[]
  readonly ledger: Ledger
  readonly random: Random
}

export interface Load extends Disposable {
  /** Sends with so many clients that wait for each answer; returns calls per second. The kinds that last are left out. */
  closedLoop(clients: number, seconds: number): Promise<number>
  /** Sends at a rate whatever the answers do; returns the calls begun per second. */
  openLoop(perSecond: number, seconds: number): Promise<number>
  /** Resolves when every call has ended and no connection is kept. */
  settle(): Promise<void>
  /** The most calls that were under way at one time. */
  peak(): number
  /** Calls that did not go as they had to, by what was wrong, with their number. */
  failures(): ReadonlyMap<string, number>
}

/** A call that takes longer will never end. */
const CALL_TIMEOUT_MS = 30_000
/** Without a bound a gateway that hangs would be sent ever more. */
const MAX_CALLS = 2000
const TICK_MS = 5

export function createLoad({ port, keys, kinds, ledger, random }: LoadOptions): Load {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
  const running = new Set<Promise<void>>()
  const failures = new Map<string, number>()
  let peak = 0

  const fail = (what: string): void => void failures.set(what, (failures.get(what) ?? 0) + 1)

  const begin = (index: number): Promise<void> => {
    const kind = kinds[index] as Kind
    const call: Call = {
      port,
      agent,
      random,
      keys,
      open: (behind = false) => ledger.open(index, behind),
      answered: (id, status) => ledger.answered(id, status),
    }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('never ended')), CALL_TIMEOUT_MS)
    })
    const ended: Promise<void> = Promise.race([kind.send(call), late])
      .catch((err: Error) => fail(`${kind.name}: ${err.message}`))
      .finally(() => {
        clearTimeout(timer)
        running.delete(ended)
      })
    running.add(ended)
    peak = Math.max(peak, running.size)
    return ended
  }

  return {
    async closedLoop(clients, seconds) {
      const choose = chooser(kinds, random, ({ lasts }) => !lasts)
      const from = performance.now()
      let calls = 0
      const client = async (): Promise<void> => {
        for (; performance.now() < from + seconds * 1000; calls++) await begin(choose())
      }
      await Promise.all(Array.from({ length: clients }, client))
      return calls / ((performance.now() - from) / 1000)
    },
    async openLoop(perSecond, seconds) {
      const choose = chooser(kinds, random, () => true)
      const from = performance.now()
      let calls = 0
      for (let now = from; now < from + seconds * 1000; now = performance.now()) {
        const due = ((now - from) / 1000) * perSecond
        // What could not be begun in time is left out: catching up would be a burst.
        let batch = Math.min(due - calls, (perSecond * TICK_MS * 4) / 1000)
        for (; batch >= 1 && running.size < MAX_CALLS; batch--, calls++) void begin(choose())
        await delay(TICK_MS)
      }
      return calls / ((performance.now() - from) / 1000)
    },
    async settle() {
      while (running.size > 0) await Promise.all(running)
      agent.destroy()
    },
    peak: () => peak,
    failures: () => failures,
    [Symbol.dispose]: () => agent.destroy(),
  }
}

/** Draws kinds by their weight. */
function chooser(kinds: readonly Kind[], random: Random, accepts: (kind: Kind) => boolean): () => number {
  const drawn = kinds.flatMap((kind, i) => (accepts(kind) ? Array.from({ length: kind.weight }, () => i) : []))
  return () => random.pick(drawn)
}
