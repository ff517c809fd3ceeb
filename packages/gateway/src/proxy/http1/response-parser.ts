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
  onBody(chunk: Buffer): void
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

const CR = 0x0d
const LF = 0x0a

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
  /** Bytes of an unfinished head, chunk line or trailer section. */
  #pending: Buffer | null = null
  #remaining = 0
  readonly #sink: ParserSink
  /** True from the first byte of a response; a connection that fails before it may be retried. */
  started = false
  /** Whether the connection may carry another request after this response. */
  keepAlive = false

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
    let input: Buffer | null = chunk
    if (this.#pending !== null) {
      input = Buffer.concat([this.#pending, chunk])
      this.#pending = null
    }
    while (input !== null && input.length > 0) {
      if (this.#phase === state.done) return input
      input = this.#step(input)
    }
    return null
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
        this.#sink.onBody(input)
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
    const end = endOfHead(input)
    if (end === -1) {
      if (input.length > MAX_HEAD_BYTES) throw new ResponseParseError('response header is larger than 10 MiB')
      this.#pending = input
      return null
    }
    if (end > MAX_HEAD_BYTES) throw new ResponseParseError('response header is larger than 10 MiB')
    const text = input.toString('latin1', 0, end)
    const rest = end === input.length ? null : input.subarray(end)
    const lineEnd = text.indexOf('\n')
    const statusLine = lineEnd === -1 ? text : text.slice(0, lineEnd)
    const { status, minor } = parseStatusLine(statusLine)
    const headers = parseHeaderLines(text, lineEnd + 1)
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
    this.keepAlive = framing.keepAlive
    this.#remaining = 0
    if (status === 101) {
      this.keepAlive = false
      this.#phase = state.done
    } else if (this.#headRequest || status === 204 || status === 304) {
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
    const rest = this.#passBody(input)
    if (this.#remaining === 0) this.#complete([])
    return rest
  }

  /** Passes on as much of the body as is due and returns what is behind it. */
  #passBody(input: Buffer): Buffer | null {
    if (input.length <= this.#remaining) {
      this.#remaining -= input.length
      this.#sink.onBody(input)
      return null
    }
    const body = input.subarray(0, this.#remaining)
    const rest = input.subarray(this.#remaining)
    this.#remaining = 0
    this.#sink.onBody(body)
    return rest
  }

  #readChunkSize(input: Buffer): Buffer | null {
    const lf = input.indexOf(LF)
    if (lf === -1) {
      if (input.length > MAX_CHUNK_LINE_BYTES) throw new ResponseParseError('chunk size line is too long')
      this.#pending = input
      return null
    }
    this.#remaining = parseChunkSize(input, lf)
    this.#phase = this.#remaining === 0 ? state.trailers : state.chunkData
    return lf + 1 === input.length ? null : input.subarray(lf + 1)
  }

  #readChunkData(input: Buffer): Buffer | null {
    const rest = this.#passBody(input)
    if (this.#remaining === 0) this.#phase = state.chunkEnd
    return rest
  }

  #readChunkEnd(input: Buffer): Buffer | null {
    if (input[0] === LF) {
      this.#phase = state.chunkSize
      return input.subarray(1)
    }
    if (input[0] !== CR) throw new ResponseParseError('chunk data is not followed by a line end')
    if (input.length === 1) {
      this.#pending = input
      return null
    }
    if (input[1] !== LF) throw new ResponseParseError('chunk data is not followed by a line end')
    this.#phase = state.chunkSize
    return input.length === 2 ? null : input.subarray(2)
  }

  #readTrailers(input: Buffer): Buffer | null {
    const end = endOfTrailers(input)
    if (end === -1) {
      if (input.length > MAX_HEAD_BYTES) throw new ResponseParseError('trailers are too long')
      this.#pending = input
      return null
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
function endOfHead(input: Buffer): number {
  let from = 0
  for (;;) {
    const lf = input.indexOf(LF, from)
    if (lf === -1) return -1
    const next = input[lf + 1]
    if (next === LF) return lf + 2
    if (next === CR && input[lf + 2] === LF) return lf + 3
    from = lf + 1
  }
}

function endOfTrailers(input: Buffer): number {
  if (input[0] === LF) return 1
  if (input[0] === CR && input[1] === LF) return 2
  return endOfHead(input)
}

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: [^\r]*)?\r?$/

function parseStatusLine(line: string): { status: number; minor: number } {
  const match = STATUS_LINE.exec(line)
  if (match === null) throw new ResponseParseError('malformed HTTP response: bad status line')
  return { status: Number(match[2]), minor: match[1] === '1' ? 1 : 0 }
}

/** Parses header lines from an offset; a line that begins with a space or tab continues the one before. */
function parseHeaderLines(text: string, from: number): string[] {
  if (CONTROL.test(text)) throw new ResponseParseError('control character in the header of the response')
  const headers: string[] = []
  let at = from
  while (at < text.length) {
    let lf = text.indexOf('\n', at)
    if (lf === -1) lf = text.length
    const end = text.charCodeAt(lf - 1) === CR ? lf - 1 : lf
    if (end === at) break
    const first = text.charCodeAt(at)
    if (first === 0x20 || first === 0x09) continueLine(headers, text.slice(at, end))
    else pushLine(headers, text, at, end)
    at = lf + 1
  }
  return headers
}

/** What a header name consists of. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Control characters that no head may hold; among them a carriage return that does not end a line. */
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|$)/

function pushLine(headers: string[], text: string, from: number, end: number): void {
  const colon = text.indexOf(':', from)
  if (colon <= from || colon >= end) throw new ResponseParseError('malformed header line in the response')
  if (!NAME.test(text.slice(from, colon))) throw new ResponseParseError('malformed header name in the response')
  let start = colon + 1
  while (start < end && isBlank(text.charCodeAt(start))) start++
  let stop = end
  while (stop > start && isBlank(text.charCodeAt(stop - 1))) stop--
  headers.push(text.slice(from, colon), text.slice(start, stop))
}

function continueLine(headers: string[], line: string): void {
  if (headers.length === 0) throw new ResponseParseError('malformed header line in the response')
  headers[headers.length - 1] = `${headers[headers.length - 1]} ${line.trim()}`
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

interface Framing {
  readonly length: number | null
  readonly chunked: boolean
  readonly keepAlive: boolean
}

function readFraming(headers: readonly string[], minor: number): Framing {
  let length: number | null = null
  let chunked = false
  let keepAlive = minor === 1
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    // Length first: lower-casing every name would cost more than the whole loop.
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      length = sameLength(length, headers[i + 1] as string)
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if ((headers[i + 1] as string).toLowerCase() !== 'chunked' || chunked) {
        throw new ResponseParseError('unsupported transfer encoding in the response')
      }
      chunked = true
    } else if (name.length === 10 && name.toLowerCase() === 'connection') {
      const value = (headers[i + 1] as string).toLowerCase()
      if (value.includes('close')) keepAlive = false
      else if (value.includes('keep-alive')) keepAlive = true
    }
  }
  return { length: chunked ? null : length, chunked, keepAlive }
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
  const ended = i === lf || next === CR || next === 0x3b || next === 0x20 || next === 0x09
  if (digits === 0 || !ended) throw new ResponseParseError('malformed chunk size')
  return size
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
