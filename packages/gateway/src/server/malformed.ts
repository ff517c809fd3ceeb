import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { releaseWrites } from '../event-loop/hold-writes.ts'
import { closeGently } from './closing.ts'

const answer = (status: string, more = ''): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\n${more}Content-Length: ${status.length}\r\n` +
  `Connection: close\r\n\r\n${status}`

const BAD_REQUEST = answer('400 Bad Request')
const TOO_LARGE = answer('431 Request Header Fields Too Large')
const TIMED_OUT = answer('408 Request Timeout')
const NO_TUNNEL = answer('405 Method Not Allowed', 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n')

/**
 * What a client gets whose bytes are no request: nothing of it goes anywhere.
 *
 * @param response - The answer that is due to the message, if any.
 */
export function refuse(err: NodeJS.ErrnoException, socket: Socket, response: ServerResponse | null): void {
  if (!socket.writable || response?.headersSent === true) {
    // Its answer may wait for the end of this turn.
    releaseWrites()
    if (response?.writableEnded === true) closeGently(socket)
    else socket.destroy()
    return
  }
  if (response?.socket === socket) abandon(response, socket)
  if (err.code === 'HPE_HEADER_OVERFLOW') closeGently(socket, TOO_LARGE)
  else if (err.code === 'ERR_HTTP_REQUEST_TIMEOUT') closeGently(socket, TIMED_OUT)
  else closeGently(socket, BAD_REQUEST)
}

/** CONNECT, which only a forward proxy takes. */
export function refuseTunnel(socket: Socket): void {
  if (socket.writable) closeGently(socket, NO_TUNNEL)
  else socket.destroy()
}

/** A body that breaks off: what the upstream says to its first half is nobody's answer any more. */
function abandon(response: ServerResponse, socket: Socket): void {
  response.detachSocket(socket)
  response.destroy()
  // Without a socket, Node does not say so by itself; whoever works on the answer stops here.
  response.emit('close')
}
