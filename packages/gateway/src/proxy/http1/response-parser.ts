// Hot path.

/** The upstream's bytes are not an HTTP/1.1 response. */
export class ResponseParseError extends Error {
  readonly code = 'GATEWAY_UPSTREAM_MALFORMED'
}

export interface ParserSink {
  /**
   * @param headers - Flat name, value list as received; values trimmed.
   * @param statusLine - As received, without its line end.
   */
  onHead(status: number, headers: string[], minorVersion: number, statusLine: string): void
  /** @param isLast - `onComplete` follows at once. */
  onBody(chunk: Buffer, isLast: boolean): void
  /** @param trailers - Flat list, empty when there were none. */
  onComplete(trailers: string[]): void
}

/** Go's limit for response headers. */
const MAX_HEAD_BYTES = 10 * 1024 * 1024
const MAX_CHUNK_LINE_BYTES = 4096
/** Interim answers before the final one; more is an attack or a fault. */
const MAX_INFORMATIONAL = 5

const state = {
  head: 0,
  length: 1,
  untilClose: 2,
  chunkSize: 3,
  chunkData: 4,
  chunkEnd: 5,
  trailers: 6,
  done: 7,
} as const

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const BLANK = 0x20
const COLON = 0x3a
const DEL = 0x7f

/**
 * Reads responses from one connection, one after the other. Bytes of a body are passed on as they came, not copied.
 *
 * Framing follows RFC 9112, section 6.3, and refuses what is ambiguous: differing Content-Length values, a
 * Transfer-Encoding other than `chunked`, malformed chunk sizes.
 */
export class ResponseParser {
  #phase: number = state.done
  #headRequest = false
  #informational = 0
  /** Holds bytes of an unfinished head, chunk line or trailer section, with room for more. */
  #room: Buffer | null = null
  #kept = 0
  /** So many of them are known not to hold the end of a head. */
  #searched = 0
  #remaining = 0
  readonly #sink: ParserSink
  /** True from the first byte of a response; a connection that fails before it may be retried. */
  started = false
  /** Whether the connection may carry another request after this response. */
  keepAlive = false
  /** How long it may be idle before, as the upstream says. */
  idleLimitMs = Infinity
  /** The response announces a body that it must not have; an upstream that is wrong about that sends it nevertheless. */
  announcesAbsentBody = false

  constructor(sink: ParserSink) {
    this.#sink = sink
  }

  get complete(): boolean {
    return this.#phase === state.done
  }

  /** Expects the response of a request that was sent with this method. */
  begin(method: string): void {
    this.#phase = state.head
    this.#headRequest = method === 'HEAD'
    this.#informational = 0
    this.started = false
    this.keepAlive = false
  }

  /**
   * @returns Bytes behind the end of the response, or null. After a 101 they belong to the other protocol.
   * @throws ResponseParseError
   */
  push(chunk: Buffer): Buffer | null {
    this.started = true
    let input: Buffer | null = this.#kept === 0 ? chunk : this.#behindKept(chunk)
    while (input !== null && input.length > 0) {
      if (this.#phase === state.done) return input
      input = this.#step(input)
    }
    if (this.#kept === 0) this.#room = null
    return null
  }

  /** Keeps what cannot be read yet. The memory of a read is not ours for longer. */
  #keep(input: Buffer): null {
    const room = this.#room
    if (room === null || room.buffer !== input.buffer || room.byteOffset !== input.byteOffset) {
      this.#room = Buffer.from(input)
    }
    this.#kept = input.length
    return null
  }

  /** The room doubles: a head of 10 MiB must not be copied once per read. Bytes that were passed on are not overwritten. */
  #behindKept(chunk: Buffer): Buffer {
    const kept = this.#kept
    const length = kept + chunk.length
    let room = this.#room as Buffer
    if (room.length < length) {
      room = Buffer.allocUnsafeSlow(length * 2)
      room.set((this.#room as Buffer).subarray(0, kept))
      this.#room = room
    }
    room.set(chunk, kept)
    this.#kept = 0
    return room.subarray(0, length)
  }

  /** Where a head ends, or -1. */
  #endOfHead(input: Buffer): number {
    const end = endOfHead(input, this.#searched)
    // The last two bytes may belong to the end.
    this.#searched = end === -1 ? Math.max(0, input.length - 2) : 0
    return end
  }

  /**
   * The upstream ended the connection.
   *
   * @returns False when that cut the response short.
   */
  finish(): boolean {
    if (this.#phase === state.untilClose) {
      this.#complete([])
      return true
    }
    return this.#phase === state.done
  }

  #step(input: Buffer): Buffer | null {
    switch (this.#phase) {
      case state.head:
        return this.#readHead(input)
      case state.length:
        return this.#readLength(input)
      case state.untilClose:
        this.#sink.onBody(input, false)
        return null
      case state.chunkSize:
        return this.#readChunkSize(input)
      case state.chunkData:
        return this.#readChunkData(input)
      case state.chunkEnd:
        return this.#readChunkEnd(input)
      default:
        return this.#readTrailers(input)
    }
  }

  #readHead(input: Buffer): Buffer | null {
    const end = this.#endOfHead(input)
    if (end === -1) {
      if (input.length > MAX_HEAD_BYTES) throw new ResponseParseError('response header is larger than 10 MiB')
      return this.#keep(input)
    }
    if (end > MAX_HEAD_BYTES) throw new ResponseParseError('response header is larger than 10 MiB')
    const text = input.toString('latin1', 0, end)
    const rest = end === input.length ? null : input.subarray(end)
    const lineEnd = endOfLine(text, 0)
    const statusLine = text.slice(0, lineEnd)
    const { status, minor } = parseStatusLine(statusLine)
    const headers = parseHeaderLines(text, behindLine(text, lineEnd))
    if (status >= 100 && status < 200 && status !== 101) {
      if (++this.#informational > MAX_INFORMATIONAL)
        throw new ResponseParseError('too many 1xx informational responses')
      return rest
    }
    this.#startBody(status, headers, minor, statusLine)
    return rest
  }

  #startBody(status: number, headers: string[], minor: number, statusLine: string): void {
    const framing = readFraming(headers, minor)
    const { length } = framing
    const bodiless = status === 204 && length !== null && length > 0
    if (bodiless || !framing.plain) rewriteLength(headers, bodiless ? null : length)
    this.keepAlive = framing.keepAlive && !bodiless
    this.idleLimitMs = framing.idleLimitMs
    this.announcesAbsentBody = false
    this.#remaining = 0
    if (status === 101) {
      this.keepAlive = false
      this.#phase = state.done
    } else if (this.#headRequest || status === 204 || status === 304) {
      this.announcesAbsentBody = framing.chunked || (length !== null && length > 0)
      this.#phase = state.done
    } else if (framing.chunked) {
      this.#phase = state.chunkSize
    } else if (framing.length !== null) {
      this.#remaining = framing.length
      this.#phase = framing.length === 0 ? state.done : state.length
    } else {
      this.keepAlive = false
      this.#phase = state.untilClose
    }
    const complete = this.#phase === state.done
    this.#sink.onHead(status, headers, minor, statusLine)
    if (complete && status !== 101) this.#sink.onComplete([])
  }

  #readLength(input: Buffer): Buffer | null {
    const rest = this.#passBody(input, input.length >= this.#remaining)
    if (this.#remaining === 0) this.#complete([])
    return rest
  }

  /** Passes on as much of the body as is due and returns what is behind it. */
  #passBody(input: Buffer, isLast: boolean): Buffer | null {
    if (input.length <= this.#remaining) {
      this.#remaining -= input.length
      this.#sink.onBody(input, isLast)
      return null
    }
    const body = input.subarray(0, this.#remaining)
    const rest = input.subarray(this.#remaining)
    this.#remaining = 0
    this.#sink.onBody(body, isLast)
    return rest
  }

  #readChunkSize(input: Buffer): Buffer | null {
    const lf = input.indexOf(LF)
    if ((lf === -1 ? input.length : lf) > MAX_CHUNK_LINE_BYTES)
      throw new ResponseParseError('chunk size line is too long')
    if (lf === -1) return this.#keep(input)
    this.#remaining = parseChunkSize(input, lf)
    this.#phase = this.#remaining === 0 ? state.trailers : state.chunkData
    return lf + 1 === input.length ? null : input.subarray(lf + 1)
  }

  #readChunkData(input: Buffer): Buffer | null {
    const rest = this.#passBody(input, false)
    if (this.#remaining === 0) this.#phase = state.chunkEnd
    return rest
  }

  #readChunkEnd(input: Buffer): Buffer | null {
    if (input[0] === LF) {
      this.#phase = state.chunkSize
      return input.subarray(1)
    }
    if (input[0] !== CR) throw new ResponseParseError('chunk data is not followed by a line end')
    if (input.length === 1) return this.#keep(input)
    if (input[1] !== LF) throw new ResponseParseError('chunk data is not followed by a line end')
    this.#phase = state.chunkSize
    return input.length === 2 ? null : input.subarray(2)
  }

  #readTrailers(input: Buffer): Buffer | null {
    const end = startsWithLineEnd(input) || this.#endOfHead(input)
    if (end === -1) {
      if (input.length > MAX_HEAD_BYTES) throw new ResponseParseError('trailers are too long')
      return this.#keep(input)
    }
    this.#complete(parseHeaderLines(input.toString('latin1', 0, end), 0))
    return end === input.length ? null : input.subarray(end)
  }

  #complete(trailers: string[]): void {
    this.#phase = state.done
    this.#sink.onComplete(trailers)
  }
}

/** Index behind the empty line that ends a head, or -1. A bare line feed ends a line too, as in Go. */
function endOfHead(input: Buffer, start: number): number {
  let from = start
  for (;;) {
    const lf = input.indexOf(LF, from)
    if (lf === -1) return -1
    const next = input[lf + 1]
    if (next === LF) return lf + 2
    if (next === CR && input[lf + 2] === LF) return lf + 3
    from = lf + 1
  }
}

/** The length of a line end at the start, or 0. */
function startsWithLineEnd(input: Buffer): number {
  if (input[0] === LF) return 1
  return input[0] === CR && input[1] === LF ? 2 : 0
}

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/

function parseStatusLine(line: string): { status: number; minor: number } {
  const match = STATUS_LINE.exec(line)
  if (match === null) throw new ResponseParseError('malformed HTTP response: bad status line')
  return { status: Number(match[2]), minor: match[1] === '1' ? 1 : 0 }
}

/**
 * Parses header lines from an offset; a line that begins with a space or tab continues the one before.
 *
 * Goes by character codes: regular expressions over the head and over each name made the reading of a head a fifth
 * slower. All of it, framing included, takes as long as they and `split` take alone (Node 24,
 * bench/header-walk.bench.ts).
 */
function parseHeaderLines(text: string, from: number): string[] {
  const headers: string[] = []
  let at = from
  while (at < text.length) {
    const end = endOfLine(text, at)
    if (end === at) break
    if (isBlank(text.charCodeAt(at))) continueLine(headers, text.slice(at, end))
    else pushLine(headers, text, at, end)
    at = behindLine(text, end)
  }
  return headers
}

/** Where a line ends: at a line feed, or at the carriage return before one. No other control character may come. */
function endOfLine(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= BLANK ? code !== DEL : code === TAB) continue
    if (code === LF || (code === CR && text.charCodeAt(i + 1) === LF)) return i
    throw new ResponseParseError('control character in the header of the response')
  }
  return text.length
}

const behindLine = (text: string, end: number): number => (text.charCodeAt(end) === CR ? end + 2 : end + 1)

/** What a header name consists of. */
const NAME_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/** 1 at the codes of those. */
const IN_NAMES = new Uint8Array(256)
for (const character of NAME_CHARACTERS) IN_NAMES[character.charCodeAt(0)] = 1

function pushLine(headers: string[], text: string, from: number, end: number): void {
  let colon = from
  while (IN_NAMES[text.charCodeAt(colon)] === 1) colon++
  if (colon === from || text.charCodeAt(colon) !== COLON) throw malformedLine(text, from, end)
  let start = colon + 1
  while (start < end && isBlank(text.charCodeAt(start))) start++
  let stop = end
  while (stop > start && isBlank(text.charCodeAt(stop - 1))) stop--
  headers.push(text.slice(from, colon), text.slice(start, stop))
}

function malformedLine(text: string, from: number, end: number): ResponseParseError {
  const colon = text.indexOf(':', from)
  const part = colon <= from || colon >= end ? 'line' : 'name'
  return new ResponseParseError(`malformed header ${part} in the response`)
}

function continueLine(headers: string[], line: string): void {
  if (headers.length === 0) throw new ResponseParseError('malformed header line in the response')
  headers[headers.length - 1] = `${headers[headers.length - 1]} ${line.trim()}`
}

const isBlank = (code: number): boolean => code === BLANK || code === TAB

interface Framing {
  readonly length: number | null
  readonly chunked: boolean
  readonly keepAlive: boolean
  /** How long the connection may be idle before its next request. */
  readonly idleLimitMs: number
  /** The length, if any, is said once, and the client can be told so as it stands. */
  readonly plain: boolean
}

function readFraming(headers: readonly string[], minor: number): Framing {
  let length: number | null = null
  let chunked = false
  let saysClose = false
  let saysKeepAlive = false
  let idleLimitMs = Infinity
  let lengthLine: string | null = null
  let plain = true
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    // Length first: with every name in lower case the loop takes 2.5 times as long (Node 24,
    // bench/header-walk.bench.ts).
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (lengthLine !== null) plain = false
      lengthLine = headers[i + 1] as string
      length = sameLength(length, lengthLine)
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if ((headers[i + 1] as string).toLowerCase() !== 'chunked' || chunked) {
        throw new ResponseParseError('unsupported transfer encoding in the response')
      }
      chunked = true
    } else if (name.length === 10) {
      const known = name.toLowerCase()
      if (known === 'connection') {
        const value = (headers[i + 1] as string).toLowerCase()
        if (value === 'keep-alive') saysKeepAlive = true
        else {
          const tokens = new Set(value.split(',').map((token) => token.trim()))
          saysClose ||= tokens.has('close')
          saysKeepAlive ||= tokens.has('keep-alive')
        }
      } else if (known === 'keep-alive') {
        idleLimitMs = Math.min(idleLimitMs, idleLimitOf(headers[i + 1] as string))
      }
    }
  }
  const keepAlive = !saysClose && (minor === 1 || saysKeepAlive)
  if (chunked && (length !== null || minor === 0)) {
    // RFC 9112, sections 6.1 and 6.3: the chunks count, but such a connection is not to be trusted any further.
    return { length: null, chunked, keepAlive: false, idleLimitMs, plain: length === null }
  }
  return { length, chunked, keepAlive, idleLimitMs, plain: plain && (length === null || lengthLine === String(length)) }
}

/** In which a request and the farewell of the upstream would cross. */
const FAREWELL_MS = 1000

/** What `Keep-Alive: timeout=5` says, less some time for both to get there. */
function idleLimitOf(value: string): number {
  const seconds = /(?:^|[\s,])timeout\s*=\s*"?(\d{1,9})/i.exec(value)?.[1]
  if (seconds === undefined) return Infinity
  const saidMs = Number(seconds) * 1000
  return Math.max(saidMs - FAREWELL_MS, saidMs / 2)
}

/** Leaves one line, or none, that says how long the body is: what the client reads must be what was read here. */
function rewriteLength(headers: string[], length: number | null): void {
  let kept = 0
  let said = length === null
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const isLength = name.length === 14 && name.toLowerCase() === 'content-length'
    if (isLength && said) continue
    headers[kept] = name
    headers[kept + 1] = isLength ? String(length) : (headers[i + 1] as string)
    said ||= isLength
    kept += 2
  }
  headers.length = kept
}

function sameLength(known: number | null, text: string): number {
  const parts = text.split(',')
  let length = known
  for (const part of parts) {
    const trimmed = part.trim()
    const value = Number(trimmed)
    if (!/^\d+$/.test(trimmed) || !Number.isSafeInteger(value) || (length !== null && length !== value)) {
      throw new ResponseParseError('bad Content-Length in the response')
    }
    length = value
  }
  return length as number
}

/** Reads the hexadecimal size at the start of a chunk line; extensions are skipped. */
function parseChunkSize(input: Buffer, lf: number): number {
  let size = 0
  let digits = 0
  let i = 0
  for (; i < lf; i++) {
    const digit = hexDigit(input[i] as number)
    if (digit === -1) break
    size = size * 16 + digit
    if (++digits > 13) throw new ResponseParseError('chunk size is too large')
  }
  const next = input[i]
  // A return alone ends no line: who takes it for one reads other chunks.
  const ended = i === lf || (next === CR && i === lf - 1) || next === 0x3b || next === 0x20 || next === 0x09
  if (digits === 0 || !ended) throw new ResponseParseError('malformed chunk size')
  return size
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
