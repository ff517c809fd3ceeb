/** Bodies that are too large to be kept: what counts is how far they got, and their checksum. */
import net from 'node:net'
import { once } from 'node:events'
import { crc32 } from 'node:zlib'
import { eventually } from '../../../../test/support/eventually.ts'

const BLOCK = Buffer.alloc(64 * 1024, 'block of a large body ')
/** Looks in a row that must find the same for a flow to be at rest. */
const EQUAL_LOOKS = 8

export interface Seen {
  readonly bodyBytes: number
  readonly checksum: number
}

/** A flow of bytes that someone else may hold up. */
export interface Flow {
  /** Bytes that have left this process. */
  sentBytes(): number
  /** Resolves when no more of them leave. */
  atRest(): Promise<void>
}

export interface Upload {
  /** Begins to read: until then the upstream takes nothing. */
  start(): void
  readonly seen: Promise<Seen>
}

/** An upstream with one large body, to be fetched or sent. */
export interface BulkServer extends AsyncDisposable, Flow {
  readonly url: string
  /** Of the body. */
  readonly checksum: number
  /** What the next connection sends will not be read until told. */
  expectUpload(): Upload
  /** Sends the body over a socket. */
  send(socket: net.Socket, inChunks: boolean): Flow
}

export async function startBulkServer(size: number): Promise<BulkServer> {
  const blocks = size / BLOCK.length
  let checksum = 0
  for (let i = 0; i < blocks; i++) checksum = crc32(BLOCK, checksum)
  let latest: net.Socket | null = null
  let upload: ((socket: net.Socket) => void) | null = null
  const sockets: net.Socket[] = []
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    if (upload !== null) {
      upload(socket)
      return
    }
    latest = socket
    socket.once('data', () => {
      const length = `Content-Length: ${size}`
      socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: a/b\r\n${length}\r\n\r\n`)
      void writeBlocks(socket, blocks, false)
    })
    socket.resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    checksum,
    sentBytes: () => sentBytes(latest),
    atRest: () => untilAtRest(() => sentBytes(latest)),
    expectUpload() {
      const connected = Promise.withResolvers<net.Socket>()
      const started = Promise.withResolvers<void>()
      upload = connected.resolve
      const read = async (): Promise<Seen> => {
        const socket = await connected.promise
        upload = null
        await started.promise
        const seen = await readBody(socket)
        socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nok')
        return seen
      }
      return { start: started.resolve, seen: read() }
    },
    send(socket, inChunks) {
      void writeBlocks(socket, blocks, inChunks)
      return { sentBytes: () => sentBytes(socket), atRest: () => untilAtRest(() => sentBytes(socket)) }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Asks for a body without reading it; `socket.resume()` begins to. */
export async function flow(port: number, request: string): Promise<{ socket: net.Socket; seen: Promise<Seen> }> {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(request, 'latin1')
  const seen = readBody(socket).finally(() => socket.destroy())
  socket.pause()
  return { socket, seen }
}

const sentBytes = (socket: net.Socket | null): number =>
  socket === null ? 0 : socket.bytesWritten - socket.writableLength

async function untilAtRest(look: () => number): Promise<void> {
  let last = -1
  let equal = 0
  await eventually(() => {
    const now = look()
    equal = now === last && now > 0 ? equal + 1 : 0
    last = now
    if (equal < EQUAL_LOOKS) throw new Error(`${now} bytes so far, and still flowing`)
  })
}

async function writeBlocks(socket: net.Socket, count: number, inChunks: boolean): Promise<void> {
  const size = `${BLOCK.length.toString(16)}\r\n`
  for (let i = 0; i < count; i++) {
    if (inChunks) socket.write(size)
    let more = socket.write(BLOCK)
    if (inChunks) more = socket.write('\r\n')
    if (!more) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
    if (socket.destroyed) return
  }
  if (inChunks) socket.write('0\r\n\r\n')
}

/** Reads one message and keeps nothing of it; resolves when its framing says that it is whole. */
async function readBody(socket: net.Socket): Promise<Seen> {
  let checksum = 0
  const { promise, resolve, reject } = Promise.withResolvers<Seen>()
  let head: Buffer = Buffer.alloc(0)
  let chunked: boolean | null = null
  /** Bytes to come of the body, or of the present chunk. */
  let left = 0
  let line = ''
  let bodyBytes = 0
  const finish = (): void => resolve({ bodyBytes, checksum })
  const takeLine = (byte: number): void => {
    line += String.fromCharCode(byte)
    if (!line.endsWith('\r\n') || line === '\r\n') {
      if (line === '\r\n') line = ''
      return
    }
    left = Number.parseInt(line, 16)
    line = ''
    if (left === 0) finish()
  }
  const take = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length;) {
      if (left === 0) {
        takeLine(bytes[at++] as number)
        continue
      }
      const part = bytes.subarray(at, at + left)
      checksum = crc32(part, checksum)
      at += part.length
      left -= part.length
      bodyBytes += part.length
      if (left === 0 && chunked === false) finish()
    }
  }
  socket.on('data', (bytes: Buffer) => {
    if (chunked !== null) {
      take(bytes)
      return
    }
    head = Buffer.concat([head, bytes])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    const text = head.toString('latin1', 0, end)
    chunked = /\r\ntransfer-encoding: chunked/i.test(text)
    if (!chunked) left = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])
    take(head.subarray(end + 4))
  })
  socket.once('close', () => reject(new Error(`the connection ended after ${bodyBytes} bytes`)))
  socket.resume()
  return promise
}
