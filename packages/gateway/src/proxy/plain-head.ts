// Hot path.
import type { ServerResponse } from 'node:http'
import { writeHead } from '../errors/respond.ts'
import { statusText } from '../errors/status-text.ts'
import type { Http1Response } from './http1-response.ts'

const FIRST_WITH_BODY = 200

/** Status lines as they go out. */
const statusLines = new Map<number, string>()

/**
 * Writes status line and headers of an answer that is nothing but an upstream's: the bytes that `writeHead` writes.
 *
 * Node looks through every name and value for bytes that do not belong there, and for what they say about the connection. The
 * parser of the upstream's answer has done the first, and a body of known length on a connection that stays open needs none of the
 * second: 3 % of the processor time of a small exchange (Node 24, scenario keyless-analytics of bench/). Everything else goes Node's
 * way.
 *
 * @param pairs - Flat name, value list of bytes that the upstream's parser has let through, or of our own.
 * @param lengthBytes - The only `Content-Length` among them; -1: none.
 */
export function writePlainHead(response: ServerResponse, status: number, pairs: string[], lengthBytes: number): void {
  const open = response as unknown as Http1Response
  const lines = lengthBytes >= 0 && status >= FIRST_WITH_BODY && isPlain(open, status) ? plainLines(pairs) : null
  if (lines === null) {
    writeHead(response, status, pairs)
    return
  }
  open.statusCode = status
  open.statusMessage = statusText(status)
  open._header = `${statusLine(status)}${lines}\r\n`
}

const isPlain = (open: Http1Response, status: number): boolean =>
  open._header === null &&
  open._hasBody &&
  open.shouldKeepAlive &&
  !open._expect_continue &&
  status !== 204 &&
  status !== 304

/** null: Node has something to say about it. */
function plainLines(pairs: readonly string[]): string | null {
  let lines = ''
  let hasDate = false
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string
    // The second only as a guard: it comes with an unknown length.
    if (name === 'Connection' || name === 'Trailer') return null
    if (name === 'Date') hasDate = true
    lines += `${name}: ${pairs[i + 1]}\r\n`
  }
  return hasDate ? lines : null
}

function statusLine(status: number): string {
  let line = statusLines.get(status)
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${statusText(status)}\r\n`
    statusLines.set(status, line)
  }
  return line
}
