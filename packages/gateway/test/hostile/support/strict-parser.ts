/**
 * HTTP/1.1 read by somebody who lets nothing pass: what two parsers could read differently is a fault. It shares nothing
 * with the gateway. All text holds one UTF-16 unit per byte.
 */

export interface StrictRequest {
  readonly method: string
  readonly target: string
  /** `Name: value`, in their order. */
  readonly headers: readonly string[]
  /** Without its framing. */
  readonly body: string
  readonly trailers: readonly string[]
}

export interface StrictAnswer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
}

export interface Reading<Message> {
  /** Whole messages, in their order. */
  readonly messages: readonly Message[]
  /** What is wrong with the bytes behind them; null: nothing. */
  readonly fault: string | null
}

/** The fault of bytes that are right as far as they go. */
export const INCOMPLETE = 'incomplete'

class Fault extends Error {}

interface Body {
  readonly body: string
  readonly trailers: readonly string[]
  /** Index behind its last byte. */
  readonly end: number
}

const LINE = /^[\t\x20-\x7e\x80-\xff]*$/
const HEADER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+: (?:[^ \t](?:.*[^ \t])?)?$/
const REQUEST_LINE = /^([A-Z][A-Z-]*) (\*|\/[^\0-\x20#\x7f-\xff]*) HTTP\/1\.1$/
const STATUS_LINE = /^HTTP\/1\.1 ([1-9]\d\d) [\x20-\x7e]*$/

/** Rewrites what is not as it should be and yet means one thing only, before it is judged. */
export interface Tolerance {
  /** Length of what comes before the request line. */
  before(bytes: string, at: number): number
  head(first: string, headers: readonly string[]): { first: string; headers: string[] }
  chunkSize(line: string): string
}

const NONE: Tolerance = {
  before: () => 0,
  head: (first, headers) => ({ first, headers: [...headers] }),
  chunkSize: (line) => line,
}

/** Reads everything that came on one connection. */
export function readRequests(bytes: string, tolerance = NONE): Reading<StrictRequest> {
  return readAll(bytes, (start) => {
    const at = start + tolerance.before(bytes, start)
    if (at === bytes.length) fail(INCOMPLETE)
    const { first, headers, end } = readHead(bytes, at, tolerance)
    const [, method, target] = REQUEST_LINE.exec(first) ?? fail(`request line ${quote(first)}`)
    if (valuesOf(headers, 'host').length !== 1) fail('not one Host')
    const body = readBody(bytes, end, headers, 0, tolerance)
    const { trailers } = body
    return {
      message: { method: method as string, target: target as string, headers, body: body.body, trailers },
      end: body.end,
    }
  })
}

/**
 * Reads everything that came back on one connection, without interim answers.
 *
 * @param methods - Of the requests that are answered, in their order.
 * @param closed - The connection has ended.
 */
export function readAnswers(bytes: string, methods: readonly string[], closed: boolean): Reading<StrictAnswer> {
  let answered = 0
  const reading = readAll(bytes, (at) => {
    const { first, headers, end } = readHead(bytes, at)
    const status = Number((STATUS_LINE.exec(first) ?? fail(`status line ${quote(first)}`))[1])
    if (status < 200) return { message: null, end }
    const bodiless = methods[answered++] === 'HEAD' || status === 204 || status === 304
    const body = bodiless
      ? { body: '', trailers: [], end }
      : readBody(bytes, end, headers, closed ? bytes.length - end : NaN)
    return { message: { status, headers, body: body.body, trailers: body.trailers }, end: body.end }
  })
  return { messages: reading.messages.filter((message) => message !== null), fault: reading.fault }
}

function readAll<Message>(bytes: string, read: (at: number) => { message: Message; end: number }): Reading<Message> {
  const messages: Message[] = []
  let at = 0
  try {
    while (at < bytes.length) {
      const { message, end } = read(at)
      messages.push(message)
      at = end
    }
  } catch (err) {
    if (!(err instanceof Fault)) throw err
    return { messages, fault: err.message }
  }
  return { messages, fault: null }
}

function readHead(bytes: string, at: number, tolerance = NONE): { first: string; headers: string[]; end: number } {
  const blank = bytes.indexOf('\r\n\r\n', at)
  const lines = bytes.slice(at, blank === -1 ? undefined : blank).split('\r\n')
  // A head that is not whole may end between the two bytes of a line end.
  if (blank === -1) lines.push((lines.pop() as string).replace(/\r$/, ''))
  for (const line of lines) if (!LINE.test(line)) fail(`a byte that no line may hold in ${quote(line)}`)
  if (blank === -1) fail(INCOMPLETE)
  const [line = '', ...received] = lines
  const { first, headers } = tolerance.head(line, received)
  checkHeaders(headers)
  return { first, headers, end: blank + 4 }
}

function checkHeaders(lines: readonly string[]): void {
  for (const line of lines) if (!HEADER.test(line)) fail(`header line ${quote(line)}`)
}

/** @param otherwise - Length of a body without any framing; NaN: not known yet. */
function readBody(bytes: string, at: number, headers: readonly string[], otherwise: number, tolerance = NONE): Body {
  const lengths = valuesOf(headers, 'content-length')
  const codings = valuesOf(headers, 'transfer-encoding')
  if (lengths.length > 0 && codings.length > 0) fail('Content-Length and Transfer-Encoding together')
  if (lengths.length > 1 || codings.length > 1) fail('framed twice')
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') fail(`transfer coding ${quote(codings[0] as string)}`)
    return readChunks(bytes, at, tolerance)
  }
  const [text] = lengths
  if (text !== undefined && !(/^(?:0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text)))) {
    fail(`length ${quote(text)}`)
  }
  const length = text === undefined ? otherwise : Number(text)
  const end = at + length
  if (!(end <= bytes.length)) fail(INCOMPLETE)
  return { body: bytes.slice(at, end), trailers: [], end }
}

function readChunks(bytes: string, from: number, tolerance: Tolerance): Body {
  let at = from
  let body = ''
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const line = tolerance.chunkSize(bytes.slice(at, lineEnd === -1 ? undefined : lineEnd))
    if (!/^(?:0|[1-9a-fA-F][\da-fA-F]{0,11})?$/.test(lineEnd === -1 ? line.replace(/\r$/, '') : line))
      fail(`chunk size ${quote(line)}`)
    if (lineEnd === -1) fail(INCOMPLETE)
    if (line === '') fail('no chunk size')
    const start = lineEnd + 2
    const size = Number.parseInt(line, 16)
    if (size === 0) return { body, ...readTrailers(bytes, start, tolerance) }
    if (bytes.length < start + size + 2) fail(INCOMPLETE)
    body += bytes.slice(start, start + size)
    at = start + size + 2
    if (bytes.slice(at - 2, at) !== '\r\n') fail('no line end behind a chunk')
  }
}

function readTrailers(bytes: string, at: number, tolerance: Tolerance): { trailers: string[]; end: number } {
  if (bytes.startsWith('\r\n', at)) return { trailers: [], end: at + 2 }
  const blank = bytes.indexOf('\r\n\r\n', at)
  if (blank === -1) fail(INCOMPLETE)
  const trailers = bytes.slice(at, blank).split('\r\n')
  for (const line of trailers) if (!LINE.test(line)) fail(`a byte that no line may hold in ${quote(line)}`)
  checkHeaders(tolerance.head('', trailers).headers)
  return { trailers, end: blank + 4 }
}

const valuesOf = (lines: readonly string[], name: string): string[] =>
  lines.filter((line) => line.toLowerCase().startsWith(`${name}:`)).map((line) => line.slice(name.length + 2))

const quote = (text: string): string => JSON.stringify(text.slice(0, 80))

function fail(why: string): never {
  throw new Fault(why)
}
