import type { EventHandler, GatewayEvent } from './types.ts'

/** The events that wait for one handler, so that a slow receiver holds up nobody else's. */
export interface Lane {
  /** False: too many wait, this one is dropped. */
  push(event: GatewayEvent): boolean
}

export interface LaneOptions {
  readonly handler: EventHandler
  readonly signal: AbortSignal
  /** Told before the first event waits and after the last is done. */
  onBusy(lane: Lane): void
  onIdle(lane: Lane): void
  onFault(err: unknown): void
}

export const MAX_WAITING_EVENTS = 1000
/** Characters of all texts that wait: keys and paths are as long as clients make them. */
export const MAX_WAITING_CHARS = 16 * 1024 * 1024
/** Handled at once, where the handler waits for something. */
const PARALLEL = 8
/** Events of a handler that does not wait, per turn of the event loop. */
const PER_TURN = 50

export function createLane({ handler, signal, onBusy, onIdle, onFault }: LaneOptions): Lane {
  let waiting: (GatewayEvent | null)[] = []
  let waitingChars = 0
  let front = 0
  let running = 0
  let scheduled = false

  const lane: Lane = {
    push(event) {
      const chars = charsOf(event)
      if (waiting.length - front >= MAX_WAITING_EVENTS || waitingChars + chars > MAX_WAITING_CHARS) return false
      waitingChars += chars
      if (waiting.length === front && running === 0) onBusy(lane)
      waiting.push(event)
      schedule()
      return true
    },
  }

  /** Never in the turn of the request. */
  function schedule(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(work)
  }

  function work(): void {
    scheduled = false
    for (let handled = 0; running < PARALLEL && front < waiting.length; handled++) {
      if (handled === PER_TURN) {
        schedule()
        return
      }
      const event = waiting[front] as GatewayEvent
      waiting[front++] = null
      waitingChars -= charsOf(event)
      handleOne(event)
    }
    if (front < waiting.length) {
      if (front < MAX_WAITING_EVENTS) return
      waiting = waiting.slice(front)
      front = 0
      return
    }
    waiting = []
    front = 0
    if (running === 0) onIdle(lane)
  }

  function handleOne(event: GatewayEvent): void {
    try {
      const handled = handler.handle(event, signal)
      if (handled === undefined) return
      running++
      void handled.catch(onFault).finally(() => {
        running--
        schedule()
      })
    } catch (err) {
      onFault(err)
    }
  }

  return lane
}

function charsOf({ Meta }: GatewayEvent): number {
  let chars = 0
  for (const value of Object.values(Meta)) if (typeof value === 'string') chars += value.length
  return chars
}
