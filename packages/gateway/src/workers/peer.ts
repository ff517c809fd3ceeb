import { PeerGoneError, PeerLateError } from './errors.ts'

/** What one side can be asked: by name, what goes there and what comes back. */
export type Calls = Record<string, readonly [given: unknown, answer: unknown]>

export type Handlers<C extends Calls> = {
  readonly [K in keyof C]: (given: C[K][0]) => C[K][1] | Promise<C[K][1]>
}

/** The line to another process: messages are objects of JSON. */
export interface Line {
  send(message: object): void
  onMessage(listener: (message: unknown) => void): void
}

/** The process at the other end of a line. */
export interface Peer<C extends Calls> {
  /**
   * Asks and waits for the answer.
   *
   * @throws PeerGoneError or PeerLateError, or the error of the other side with its message, code and port.
   */
  ask<K extends keyof C & string>(name: K, given: C[K][0], deadlineMs: number): Promise<C[K][1]>
  /** Says something; nobody learns whether it was understood. */
  tell<K extends keyof C & string>(name: K, given: C[K][0]): void
  /** The other process has ended: whoever waits for an answer is told so. */
  close(): void
}

/** A message names what is asked for. With `id` an answer is expected, which has the `id` and no name. */
interface Message {
  readonly id?: number
  readonly name?: string
  readonly value?: unknown
  readonly failure?: Failure
}

/** The part of an error that crosses the line. */
interface Failure {
  readonly message: string
  readonly code?: unknown
  readonly port?: unknown
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (err: Error) => void
  readonly timer: NodeJS.Timeout
}

export function createPeer<Mine extends Calls, Theirs extends Calls>(
  line: Line,
  handlers: Handlers<Mine>,
): Peer<Theirs> {
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let gone = false

  const settle = (id: number): Waiting | undefined => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (asked !== undefined) clearTimeout(asked.timer)
    return asked
  }

  const answer = async (id: number | undefined, name: string, value: unknown): Promise<void> => {
    try {
      const result = await handlers[name]?.(value)
      if (id !== undefined) line.send({ id, value: result ?? null })
    } catch (err) {
      // What was only said has no one to hear of a failure; handlers log their own.
      if (id !== undefined) line.send({ id, failure: failureOf(err) })
    }
  }

  line.onMessage((received) => {
    const { id, name, value, failure } = received as Message
    if (name !== undefined) void answer(id, name, value)
    else if (id === undefined) return
    else if (failure === undefined) settle(id)?.resolve(value)
    else settle(id)?.reject(errorOf(failure))
  })

  return {
    ask(name, given, deadlineMs) {
      if (gone) return Promise.reject(new PeerGoneError(`${name}: the process has ended`))
      const id = ++lastId
      return new Promise((resolve, reject) => {
        const late = (): void => settle(id)?.reject(new PeerLateError(`${name}: no answer within ${deadlineMs} ms`))
        waiting.set(id, { resolve, reject, timer: setTimeout(late, deadlineMs) })
        line.send({ id, name, value: given })
      })
    },
    tell(name, given) {
      if (!gone) line.send({ name, value: given })
    },
    close() {
      gone = true
      for (const id of waiting.keys()) settle(id)?.reject(new PeerGoneError('the process has ended'))
    },
  }
}

function failureOf(err: unknown): Failure {
  if (!(err instanceof Error)) return { message: String(err) }
  const { code, port } = err as Error & { code?: unknown; port?: unknown }
  return { message: err.message, ...(code === undefined ? {} : { code }), ...(port === undefined ? {} : { port }) }
}

const errorOf = ({ message, ...parts }: Failure): Error => Object.assign(new Error(message), parts)
