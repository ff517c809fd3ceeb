// Hot path.
import type { Socket } from 'node:net'
import { stayAwake, type Awaited } from './stay-awake.ts'

const held: Socket[] = []
/** Whom the youngest of them is written to. */
let awaitedLast: Awaited | null = null

/**
 * Keeps what is written to a socket until this turn of the event loop has read all that came, so that the writes of many
 * exchanges leave one after the other. Written one by one in between, each finds its reader asleep and wakes it, which
 * costs more than the write: throughput of a small exchange is 1.5 times as high (Node 24, scenario keyless-analytics of
 * bench/). Where one request is all there is, the turn ends at once.
 *
 * @param whose - Those who may answer at once.
 */
export function holdWrites(socket: Socket, whose: Awaited): void {
  if (socket.writableCorked > 0) return
  socket.cork()
  awaitedLast = whose
  if (held.push(socket) === 1) setImmediate(endTurn)
}

/** The same for each write to a socket, whoever makes it. */
export function holdEveryWrite(socket: Socket, whose: Awaited): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  socket.write = (...args: unknown[]) => {
    holdWrites(socket, whose)
    return write(...args)
  }
}

/** Writes what is held. For those who are about to destroy sockets, which would lose it. */
export function releaseWrites(): void {
  for (let i = 0; i < held.length; i++) held[i]!.uncork()
  held.length = 0
}

function endTurn(): void {
  releaseWrites()
  if (awaitedLast !== null) stayAwake(awaitedLast)
}
