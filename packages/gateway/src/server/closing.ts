import type { Socket } from 'node:net'

const LINGER_MS = 500

/**
 * Ends a connection behind its last answer.
 *
 * What the client still sends is read and dropped for a moment: closing over unread bytes would reset the connection, and
 * the client might never see the answer.
 */
export function closeGently(socket: Socket, lastWords = ''): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
  if (!socket.writableEnded) socket.end(lastWords)
}
