import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const answer = (status: string): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`

const BAD_REQUEST = answer('400 Bad Request')
const TOO_LARGE = answer('431 Request Header Fields Too Large')
const TIMED_OUT = answer('408 Request Timeout')

const LINGER_MS = 500

/**
 * What a client gets whose bytes are no request: nothing of it goes anywhere.
 *
 * @param response - The answer that is due on the connection, if any.
 */
export function answerMalformed(
  err: NodeJS.ErrnoException,
  socket: Socket,
  response: ServerResponse | undefined,
): void {
  if (err.code === 'ECONNRESET' || !socket.writable || response?.headersSent === true) {
    socket.destroy()
    return
  }
  if (response?.socket === socket) abandon(response, socket)
  // What the client still sends is read and dropped for a moment: closing over unread bytes would reset the
  // connection, and the client would never see the answer.
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
  if (err.code === 'HPE_HEADER_OVERFLOW') socket.end(TOO_LARGE)
  else if (err.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.end(TIMED_OUT)
  else socket.end(BAD_REQUEST)
}

/** A body that breaks off: what the upstream says to its first half is nobody's answer any more. */
function abandon(response: ServerResponse, socket: Socket): void {
  response.detachSocket(socket)
  response.destroy()
  // Without a socket, Node does not say so by itself; whoever works on the answer stops here.
  response.emit('close')
}
