import net from 'node:net'

/**
 * HTTP/2 written frame by frame, so that it can say what no library would (RFC 9113, RFC 7541). All text holds one UTF-16
 * unit per byte.
 */

export type Field = readonly [name: string, value: string]

const type = { data: 0, headers: 1, resetStream: 3, settings: 4, ping: 6, goAway: 7, continuation: 9 } as const
const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const MAX_FRAME_BYTES = 16_384

function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = kind
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A length in HPACK, with 7 bits in the first byte. */
function lengthOf(length: number): number[] {
  if (length < 127) return [length]
  const bytes = [127]
  let rest = length - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return bytes
}

/** Every field as a literal that is not indexed. */
function block(fields: readonly Field[]): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of fields) {
    for (const [i, text] of [name, value].entries()) {
      parts.push(Buffer.from([...(i === 0 ? [0] : []), ...lengthOf(text.length)]), Buffer.from(text, 'latin1'))
    }
  }
  return Buffer.concat(parts)
}

export function headersFrames(stream: number, fields: readonly Field[], endStream: boolean): Buffer {
  const bytes = block(fields)
  const frames: Buffer[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += MAX_FRAME_BYTES) {
    const last = at + MAX_FRAME_BYTES >= bytes.length
    const flags = (last ? flag.endHeaders : 0) | (at === 0 && endStream ? flag.endStream : 0)
    const kind = at === 0 ? type.headers : type.continuation
    frames.push(frame(kind, flags, stream, bytes.subarray(at, at + MAX_FRAME_BYTES)))
  }
  return Buffer.concat(frames)
}

export const dataFrame = (stream: number, text: string, endStream: boolean): Buffer =>
  frame(type.data, endStream ? flag.endStream : 0, stream, Buffer.from(text, 'latin1'))

export const paddedDataFrame = (stream: number, text: string, padding: number, endStream: boolean): Buffer =>
  frame(
    type.data,
    flag.padded | (endStream ? flag.endStream : 0),
    stream,
    Buffer.concat([Buffer.from([padding]), Buffer.from(text, 'latin1'), Buffer.alloc(padding)]),
  )

/** What became of one stream. */
export interface StreamEnd {
  /** 0: no answer came. */
  readonly status: number
  readonly body: string
  /** The answer came to its end. */
  readonly whole: boolean
}

export interface Http2Wire extends AsyncDisposable {
  write(bytes: Buffer): void
  /** Resolves once the stream is ended or reset, or the connection given up. */
  streamEnd(stream: number): Promise<StreamEnd>
  /** Resolves once the gateway has closed the connection. */
  closed(): Promise<void>
  /** The gateway has given the connection up with an error, or closed it. */
  readonly over: boolean
}

interface Stream {
  status: number
  body: string
  whole: boolean
  reset: boolean
}

const GIVE_UP_MS = 15_000

/** Connects with the preface of HTTP/2. */
export async function connectHttp2Wire(port: number): Promise<Http2Wire> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const streams = new Map<number, Stream>()
  const watchers = new Set<() => void>()
  let pending: Buffer = Buffer.alloc(0)
  let over = false
  const streamOf = (id: number): Stream => {
    const known = streams.get(id) ?? { status: 0, body: '', whole: false, reset: false }
    streams.set(id, known)
    return known
  }
  const onFrame = (kind: number, flags: number, id: number, payload: Buffer): void => {
    const stream = streamOf(id)
    if (kind === type.headers && stream.status === 0) stream.status = statusOf(payload)
    if (kind === type.data) stream.body += payload.toString('latin1')
    if ((kind === type.headers || kind === type.data) && (flags & flag.endStream) !== 0) stream.whole = true
    if (kind === type.resetStream) stream.reset = true
    if (kind === type.goAway && payload.readUInt32BE(4) !== 0) over = true
    if (kind === type.settings && (flags & flag.ack) === 0)
      socket.write(frame(type.settings, flag.ack, 0, Buffer.alloc(0)))
  }
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
      const end = 9 + pending.readUIntBE(0, 3)
      onFrame(pending[3] as number, pending[4] as number, pending.readUInt32BE(5), pending.subarray(9, end))
      pending = pending.subarray(end)
    }
    for (const look of watchers) look()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    over = true
    for (const look of watchers) look()
  })
  socket.write(Buffer.concat([Buffer.from(PREFACE), frame(type.settings, 0, 0, Buffer.alloc(0))]))
  return {
    write: (bytes) => void (socket.destroyed || socket.write(bytes)),
    async streamEnd(id) {
      const stream = streamOf(id)
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`stream ${id} did not end`)), GIVE_UP_MS)
        const look = (): void => {
          if (!stream.whole && !stream.reset && !over) return
          watchers.delete(look)
          clearTimeout(timer)
          resolve()
        }
        watchers.add(look)
        look()
      })
      return { status: stream.status, body: stream.body, whole: stream.whole }
    },
    async closed() {
      if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()))
    },
    get over() {
      return over
    },
    async [Symbol.asyncDispose]() {
      socket.destroy()
    },
  }
}

/** Statuses of HPACK's static table, from index 8 on. */
const STATIC_STATUSES = [200, 204, 206, 304, 400, 404, 500]

/** `:status` of a header block, which is always its first field. */
function statusOf(bytes: Buffer): number {
  let at = 0
  // Updates of the table's size.
  while (((bytes[at] as number) & 0xe0) === 0x20) at++
  const first = bytes[at] as number
  if (first >= 0x88 && first <= 0x8e) return STATIC_STATUSES[first - 0x88] as number
  const length = bytes[at + 1] as number
  const text = bytes.subarray(at + 2, at + 2 + (length & 0x7f))
  return Number(length >= 0x80 ? huffmanDigits(text) : text.toString('latin1'))
}

/** In HPACK's code, 0, 1 and 2 have five bits and the other digits six. */
function huffmanDigits(bytes: Buffer): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  let digits = ''
  while (digits.length < 3) {
    const five = Number.parseInt(bits.slice(0, 5), 2)
    const length = five < 3 ? 5 : 6
    digits += five < 3 ? five : Number.parseInt(bits.slice(0, 6), 2) - 0b011001 + 3
    bits = bits.slice(length)
  }
  return digits
}
