import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import net from 'node:net'
import { readRequests, type StrictRequest } from './strict-parser.ts'

/**
 * An upstream with two observers of the same bytes: what a recording socket received is read by the strict parser, and a
 * real `node:http` server behind it answers. They must agree.
 */
export interface ObservedUpstream extends AsyncDisposable {
  readonly url: string
  /** Forgets what was seen. Exchanges that are still under way belong to nobody. */
  clear(): void
  /** What each connection has sent since then, in the order of their first bytes. */
  bytes(): string[]
  /** Whole requests since then as `node:http` read them, in the order of their ends. */
  seenByNode(): StrictRequest[]
  /** What `node:http` could not read, except for what broke off. */
  nodeFaults(): string[]
}

export const ECHO_HEADER = 'X-Echo'

/** What the upstream says in `X-Echo` and in its body, so that nobody can take its answer for another request's. */
export const echoOf = ({ method, target, body }: Pick<StrictRequest, 'method' | 'target' | 'body'>): string =>
  createHash('sha1').update(`${method} ${target}\n`).update(body, 'latin1').digest('hex')

const BREAKS_OFF = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE'])
const MAX_HEADER_BYTES = 16 * 1024 * 1024

export async function startObservedUpstream(): Promise<ObservedUpstream> {
  let seen: StrictRequest[] = []
  let faults: string[] = []
  let received = new Map<net.Socket, string>()

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    const { method = '', url: target = '', rawHeaders, rawTrailers } = request
    const body = Buffer.concat(chunks).toString('latin1')
    seen.push({ method, target, headers: linesOf(rawHeaders), body, trailers: linesOf(rawTrailers) })
    const echo = echoOf({ method, target, body })
    response.setHeader(ECHO_HEADER, echo)
    response.setHeader('Content-Type', 'text/plain')
    response.end(echo)
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => void answer(request, response)
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, listener)
  server.maxHeadersCount = 0
  server.on('checkExpectation', listener)
  server.on('clientError', (err: NodeJS.ErrnoException, socket) => {
    if (!BREAKS_OFF.has(err.code ?? '')) faults.push(err.code ?? err.message)
    socket.destroy()
  })
  const inner = await listen(server)

  const open = new Set<net.Socket>()
  const tap = net.createServer((socket) => {
    const onward = net.connect(inner, '127.0.0.1')
    join(socket, onward, open)
    socket.on('data', (chunk) => received.set(socket, (received.get(socket) ?? '') + chunk.toString('latin1')))
  })
  const port = await listen(tap)
  return {
    url: `http://127.0.0.1:${port}`,
    clear() {
      seen = []
      faults = []
      received = new Map()
    },
    bytes: () => [...received.values()],
    seenByNode: () => seen,
    nodeFaults: () => faults,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.closeAllConnections()
      server.close()
      tap.close()
    },
  }
}

/** Both ends of a tapped connection live and die together. */
function join(socket: net.Socket, onward: net.Socket, open: Set<net.Socket>): void {
  open.add(socket)
  socket.setNoDelay(true)
  onward.setNoDelay(true)
  for (const [from, to] of [
    [socket, onward],
    [onward, socket],
  ] as const) {
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
  socket.on('close', () => open.delete(socket))
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

function linesOf(raw: readonly string[]): string[] {
  const lines: string[] = []
  for (let i = 0; i < raw.length; i += 2) lines.push(`${raw[i]}: ${raw[i + 1]}`)
  return lines
}

/** What the strict parser makes of everything that was received: whole requests, and what is wrong with the rest. */
export function readAll(upstream: ObservedUpstream): { requests: StrictRequest[]; faults: string[] } {
  const readings = upstream.bytes().map((bytes) => readRequests(bytes))
  return {
    requests: readings.flatMap(({ messages }) => messages),
    faults: readings.map(({ fault }) => fault).filter((fault) => fault !== null),
  }
}
