// Hot path.
import type { ServerResponse } from 'node:http'
import { holdWrites } from '../event-loop/hold-writes.ts'
import { awaited } from '../event-loop/stay-awake.ts'
import type { Http1Response } from './http1-response.ts'

/** A larger body is not worth the copy into a text. */
const MAX_BODY_BYTES = 16 * 1024

const CLIENTS = awaited()

/**
 * Ends a response whose head was made and whose whole body is at hand, as one text in one write.
 *
 * `response.end(body)` corks the socket, writes head, body and an empty text, and uncorks: three entries for `writev`,
 * which was a fifth of the processor time of a small exchange; one write is an eighth (Node 24, scenario keyless of bench/).
 * Whatever is out of the ordinary goes Node's way: HTTP/2, a response that waits for its turn, a chunked body, a body where
 * there must be none.
 */
export function endWhole(response: ServerResponse, body: Buffer): void {
  const open = response as unknown as Http1Response
  const { socket, _header: head } = open
  if (
    !open._hasBody ||
    body.length > MAX_BODY_BYTES ||
    typeof head !== 'string' ||
    open._headerSent ||
    open.chunkedEncoding ||
    open.outputData.length > 0 ||
    socket === null ||
    socket._httpMessage !== response ||
    socket.destroyed
  ) {
    response.end(body)
    return
  }
  holdWrites(socket, CLIENTS)
  open._headerSent = true
  open.finished = true
  socket.write(head + body.toString('latin1'), 'latin1', () => {
    if (socket.errored === null) response.emit('finish')
  })
  open._finish()
}
