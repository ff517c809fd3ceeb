/** HTTP/1.1 as it is on the wire: what tests of the proxy send, and what they say was seen. */
import net from 'node:net'
import { once } from 'node:events'

/** One message, byte for byte. All text holds one UTF-16 unit per byte. */
export interface WireMessage {
  /** From the first byte of the start line to the last of the body, framing included. */
  readonly raw: string
  readonly startLine: string
  /** Header lines in their order, without line ends. */
  readonly lines: readonly string[]
  /** The body as it was framed: with chunk sizes, if it had any. */
  readonly framedBody: string
  /** The body without its framing. */
  readonly body: string
  /** Lines behind the last chunk. */
  readonly trailers: readonly string[]
  /** The framing says that nothing is missing. False: the connection ended before. */
  readonly whole: boolean
}

/** Values of all lines of a name, in their order; letter case counts. */
export const valuesOf = ({ lines }: WireMessage, name: string): string[] =>
  lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2))

/** Names of the header lines, in their order. */
export const namesOf = ({ lines }: WireMessage): string[] => lines.map((line) => line.slice(0, line.indexOf(':')))

export interface ReadOptions {
  /** For answers: the method asked with. Leave it out for requests. */
  readonly answerTo?: string
  /** No more bytes will come. */
  readonly ended?: boolean
}

/** The first message of some bytes; null while it is not whole and more may come. */
export function readMessage(bytes: string, { answerTo, ended = false }: ReadOptions = {}): WireMessage | null {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return ended ? broken(bytes) : null
  const [startLine = '', ...lines] = bytes.slice(0, headEnd).split('\r\n')
  const rest = bytes.slice(headEnd + 4)
  const framing = framingOf(startLine, lines, answerTo)
  const body = framing === 'chunked' ? readChunks(rest) : readSized(rest, framing, ended)
  if (!body.whole && !ended) return null
  const framedBody = rest.slice(0, body.length)
  return { raw: bytes.slice(0, headEnd + 4) + framedBody, startLine, lines, framedBody, ...body }
}

const broken = (raw: string): WireMessage => ({
  raw,
  startLine: raw.split('\r\n', 1)[0] as string,
  lines: [],
  framedBody: '',
  body: '',
  trailers: [],
  whole: false,
})

/** `chunked`, a length in bytes, or -1: until the connection ends. */
function framingOf(startLine: string, lines: readonly string[], answerTo: string | undefined): 'chunked' | number {
  const value = (name: string): string | undefined =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const status = answerTo === undefined ? 0 : Number(startLine.split(' ')[1])
  const bodiless = answerTo === 'HEAD' || (status >= 100 && status < 200) || status === 204 || status === 304
  if (bodiless) return 0
  if (value('transfer-encoding')?.toLowerCase() === 'chunked') return 'chunked'
  const length = value('content-length')
  if (length !== undefined) return Number(length)
  return answerTo === undefined ? 0 : -1
}

interface Body {
  readonly body: string
  readonly trailers: readonly string[]
  readonly whole: boolean
  /** Bytes it takes on the wire. */
  readonly length: number
}

function readSized(rest: string, size: number, ended: boolean): Body {
  const length = size === -1 ? rest.length : Math.min(size, rest.length)
  return { body: rest.slice(0, length), trailers: [], whole: size === -1 ? ended : length === size, length }
}

function readChunks(rest: string): Body {
  const parts: string[] = []
  let at = 0
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at)
    const size = Number.parseInt(rest.slice(at, lineEnd), 16)
    if (lineEnd === -1 || Number.isNaN(size)) break
    if (size === 0) {
      const end = rest.startsWith('\r\n', lineEnd + 2) ? lineEnd + 2 : rest.indexOf('\r\n\r\n', lineEnd) + 2
      if (end < lineEnd + 2) break
      const trailers = rest
        .slice(lineEnd + 2, end)
        .split('\r\n')
        .filter(Boolean)
      return { body: parts.join(''), trailers, whole: true, length: end + 2 }
    }
    parts.push(rest.slice(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
    if (at > rest.length) break
  }
  return { body: parts.join(''), trailers: [], whole: false, length: rest.length }
}

/** The text of a request to `client.test` with some header lines. */
export function requestText(method: string, path: string, lines: readonly string[] = [], body = ''): string {
  return `${[`${method} ${path} HTTP/1.1`, 'Host: client.test', ...lines].join('\r\n')}\r\n\r\n${body}`
}

/** A client on a bare socket. */
export interface WireClient extends AsyncDisposable {
  readonly socket: net.Socket
  send(text: string): void
  /** Resolves once this text is among the bytes received. */
  receive(text: string): Promise<void>
  /** The next answer that was not taken yet; one that the connection's end cut off is not whole. */
  answer(answerTo?: string): Promise<WireMessage>
  /** All bytes received so far. */
  received(): string
  /** Resolves with them once the gateway has closed the connection. */
  closed(): Promise<string>
}

export async function connectWire(port: number, host = '127.0.0.1'): Promise<WireClient> {
  const socket = net.connect({ port, host, noDelay: true })
  let text = ''
  let taken = 0
  let ended = false
  const wake = new Set<() => void>()
  const changed = (): void => wake.forEach((each) => each())
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    changed()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    ended = true
    changed()
  })
  await once(socket, 'connect')
  const until = async <T>(look: () => T | null): Promise<T> => {
    for (let found = look(); ; found = look()) {
      if (found !== null) return found
      await new Promise<void>((resolve) => {
        const onChange = (): void => {
          wake.delete(onChange)
          resolve()
        }
        wake.add(onChange)
      })
    }
  }
  return {
    socket,
    send: (message) => void socket.write(message, 'latin1'),
    async receive(part) {
      await until(() => (text.includes(part) ? true : null) ?? failAt(ended, part, text))
    },
    async answer(answerTo = 'GET') {
      const message = await until(() => readMessage(text.slice(taken), { answerTo, ended }))
      taken += message.raw.length
      return message
    },
    received: () => text,
    closed: () => until(() => (ended ? text : null)),
    async [Symbol.asyncDispose]() {
      socket.destroy()
    },
  }
}

function failAt(ended: boolean, part: string, text: string): null {
  if (ended) throw new Error(`the connection ended before ${JSON.stringify(part)} came: ${JSON.stringify(text)}`)
  return null
}

/** Sends one request on a connection of its own and returns the answer to it. */
export async function exchange(port: number, text: string): Promise<WireMessage> {
  await using client = await connectWire(port)
  client.send(text)
  // Without the await, the connection would end before the answer comes.
  return await client.answer(text.slice(0, text.indexOf(' ')))
}
