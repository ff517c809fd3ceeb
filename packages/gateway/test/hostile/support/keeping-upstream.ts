import { once } from 'node:events'
import net from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { HearingClient, Heard } from './hearing.ts'
import type { RandomAnswer } from './random-answer.ts'
import { INCOMPLETE, readRequests } from './strict-parser.ts'

/**
 * An upstream that keeps its connections and answers each request with the bytes that its path stands for. It ends a
 * connection when a client that has read all of an answer still waits: whatever the answer is, it has an end, and no time
 * is measured.
 */
export interface KeepingUpstream extends AsyncDisposable {
  readonly url: string
  /** Has a client ask for this answer, and returns when it has read all that was sent to it. */
  hear(client: HearingClient, answer: RandomAnswer): Promise<Told>
  /**
   * Sends bytes that no request asked for on the connection that carried the client's last answer, if that is still open,
   * and returns when they have been read or the connection is closed.
   */
  say(client: HearingClient, bytes: string): Promise<void>
  /** Whether the client has that connection still. */
  isKept(client: HearingClient): boolean
}

/** Both sides of an exchange: what the client heard, and whether the upstream has what it was sent. */
export interface Told extends Heard {
  /** The body of the request came as it was, byte for byte. */
  wasAskedWhole: boolean
}

/** So many turns of the event loop behind the last byte a client has said what it has to say. */
const TURNS = 4
/** More than any exchange takes: one that never ends is a fault, and must not last until the time of the test is over. */
const MOST_TURNS = 1_000_000

interface Served {
  readonly socket: net.Socket
  readonly clientPort: number
  sentBytes: number
}

interface Asked {
  readonly answer: RandomAnswer
  /** Where it was given last. */
  on: Served | null
  /** What has still to be sent of it. */
  rest: string[]
  /** With the body that was to be sent. */
  wasWhole: boolean
  /** For the client. */
  isOver: boolean
}

export async function startKeepingUpstream(): Promise<KeepingUpstream> {
  const asked = new Map<string, Asked>()
  const lastOf = new WeakMap<HearingClient, Served>()
  const open = new Set<net.Socket>()
  let requests = 0
  let fault: string | null = null
  const server = net.createServer({ noDelay: true }, (socket) => {
    const served: Served = { socket, clientPort: socket.remotePort as number, sentBytes: 0 }
    let received = ''
    let answered = 0
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const reading = readRequests(received)
      if (reading.fault !== INCOMPLETE) fault ??= reading.fault
      for (const { target, body } of reading.messages.slice(answered)) {
        const each = asked.get(target)
        if (each === undefined) {
          fault ??= `a request for ${target}, which nobody asked for`
          continue
        }
        const wasWhole = body === (each.answer.request.body ?? []).join('')
        Object.assign(each, { on: served, wasWhole, rest: piecesOf(each.answer) })
        sendNext(each)
      }
      answered = reading.messages.length
      if (reading.fault !== null) return
      received = ''
      answered = 0
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    async hear(client, answer) {
      const path = `/${requests++}`
      const each: Asked = { answer, on: null, rest: [], wasWhole: false, isOver: false }
      asked.set(path, each)
      const heard = client.hear(answer.request, path).finally(() => (each.isOver = true))
      let turns = 0
      for (let quiet = 0; !each.isOver || quiet < TURNS; await nextTurn()) {
        if (fault !== null) throw new Error(`the upstream was sent ${fault}`)
        if (++turns > MOST_TURNS) throw new Error('the exchange has no end')
        // The next piece also leaves while the client reads nothing.
        const isDue = each.on !== null && (client.isPausing() || hasReadAll(client, each.on))
        quiet = isDue && !sendNext(each) && !client.isPausing() ? quiet + 1 : 0
        if (!each.isOver && quiet > TURNS) each.on?.socket.end()
      }
      asked.delete(path)
      if (each.on !== null) lastOf.set(client, each.on)
      return { ...(await heard), wasAskedWhole: each.wasWhole }
    },
    async say(client, bytes) {
      const served = lastOf.get(client)
      if (served === undefined || served.socket.destroyed || served.socket.writableEnded) return
      write(served, bytes)
      for (let quiet = 0; quiet < TURNS; await nextTurn()) quiet = hasReadAll(client, served) ? quiet + 1 : 0
    },
    isKept(client) {
      const served = lastOf.get(client)
      return served !== undefined && socketOf(client, served) !== undefined
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/**
 * Sends the next piece of an answer, and the end of the connection behind the last one; false: there is none. Where the client
 * pauses, the end waits until it has read everything: undici takes one that comes in a pause for the end of the answer.
 */
function sendNext({ on: served, rest, answer }: Asked): boolean {
  const piece = rest.shift()
  if (served === null || piece === undefined) return false
  write(served, piece)
  if (rest.length === 0 && answer.ends && !answer.request.pauses) served.socket.end()
  return true
}

function piecesOf({ bytes, cuts }: RandomAnswer): string[] {
  const pieces = [...cuts, bytes.length].map((end, i) => bytes.slice(cuts[i - 1] ?? 0, end))
  // Without a piece at all there would be no end either.
  return [...pieces.slice(0, -1).filter((piece) => piece !== ''), pieces.at(-1) ?? '']
}

function write(served: Served, bytes: string): void {
  const all = Buffer.from(bytes, 'latin1')
  served.sentBytes += all.length
  if (all.length > 0) served.socket.write(all)
}

/** All that was sent on a connection with the end of it, or as much as the client wanted before it closed it. */
function hasReadAll(client: HearingClient, served: Served): boolean {
  const socket = socketOf(client, served)
  if (client.isPausing()) return false
  return socket === undefined || (socket.bytesRead >= served.sentBytes && !served.socket.writableEnded)
}

/** The client's end of a connection; undefined when it is closed. */
function socketOf({ sockets }: HearingClient, { clientPort }: Served): net.Socket | undefined {
  for (const socket of sockets) if (socket.localPort === clientPort) return socket
  return undefined
}
