// Hot path.
import type { Socket } from 'node:net'

/** What an HTTP/2 client sends first (RFC 9113, section 3.4). No HTTP/1.1 request begins so. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/**
 * Looks at the first bytes of a connection, puts them back and says which protocol they begin. A connection that sends
 * nothing in time is closed.
 */
export function awaitPreface(socket: Socket, timeoutMs: number, decide: (http2: boolean) => void): void {
  let received: Buffer | null = null
  const timer = setTimeout(() => socket.destroy(), timeoutMs).unref()
  const onError = (): void => void socket.destroy()
  const settle = (): void => {
    clearTimeout(timer)
    socket.off('readable', onReadable)
    socket.off('end', onEnd)
    socket.off('error', onError)
    socket.off('close', settle)
  }
  const finish = (http2: boolean): void => {
    settle()
    if (received !== null) socket.unshift(received)
    decide(http2)
  }
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    received = received === null ? chunk : Buffer.concat([received, chunk])
    const length = Math.min(received.length, PREFACE.length)
    if (!received.subarray(0, length).equals(PREFACE.subarray(0, length))) finish(false)
    else if (length === PREFACE.length) finish(true)
  }
  // Half a preface is HTTP/1.1's to refuse; nothing at all is nobody's.
  const onEnd = (): void => {
    if (received === null) socket.destroy()
    else finish(false)
  }
  socket.on('readable', onReadable)
  socket.on('end', onEnd)
  socket.on('error', onError)
  socket.on('close', settle)
}
