import { isHopByHop } from '../../proxy/hop-by-hop.ts'
import { statusText } from '../../errors/status-text.ts'

// Both messages as Go's Request.Write and Response.Write print them, because that is what records hold and what decoders
// of them were written for. Text is a byte string: one UTF-16 unit per byte.

export interface RequestMessage {
  readonly method: string
  /** Encoded path with query. */
  readonly target: string
  readonly host: string
  /** Flat name, value list. */
  readonly headers: readonly string[]
  /** Bytes; -1: chunked, of unknown length. */
  readonly contentLength: number
  readonly body: Buffer
  /** The request went to the proxy step, which takes hop-by-hop headers away. */
  readonly proxied: boolean
}

export interface ResponseMessage {
  /** As the upstream sent it. */
  readonly statusLine: string
  readonly status: number
  /** Method of the request. */
  readonly method: string
  /** As the upstream sent them: they tell whether the connection ends. */
  readonly upstreamHeaders: readonly string[]
  /** As the client got them, without those the gateway put on the answer itself. */
  readonly headers: readonly string[]
  readonly body: Buffer
  /** The body is not the one that Content-Length counts. */
  readonly decompressed: boolean
}

/** Methods for which Go does not take an empty body for one of unknown length. */
const BODYLESS_METHODS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH'])
const REQUEST_EXTRAS = new Set(['Host', 'User-Agent', 'Content-Length', 'Transfer-Encoding', 'Trailer'])
const RESPONSE_EXTRAS = new Set(['Content-Length', 'Transfer-Encoding', 'Trailer'])

/** The request in wire form: the upstream's path, the client's Host. */
export function requestMessage(request: RequestMessage): Buffer {
  const { headers, contentLength, body } = request
  const chunked = contentLength < 0 || (contentLength === 0 && !BODYLESS_METHODS.has(request.method))
  let head = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${request.host}\r\n`
  const userAgent = valueOf(headers, 'User-Agent') ?? 'Go-http-client/1.1'
  if (userAgent !== '') head += `User-Agent: ${userAgent}\r\n`
  if (chunked) head += 'Transfer-Encoding: chunked\r\n'
  else if (contentLength > 0) head += `Content-Length: ${contentLength}\r\n`
  const left = (name: string, value: string): boolean =>
    !REQUEST_EXTRAS.has(name) && !(request.proxied && isHopByHop(name) && !(name === 'Te' && value === 'trailers'))
  return message(head + sortedLines(headers, left), chunked ? framed(body) : body)
}

/** A proxied answer in wire form. */
export function responseMessage(response: ResponseMessage): Buffer {
  const { status, method, headers, body } = response
  const line = parseStatusLine(response.statusLine)
  const length = contentLengthOf(response)
  const closes = (length === -1 && line.version !== '1.0') || endsConnection(response.upstreamHeaders, line.version)
  const atFront = length > 0 || (length === 0 && (method === 'POST' || method === 'PUT' || method === 'PATCH'))
  let head = `HTTP/${line.version} ${String(status).padStart(3, '0')} ${line.reason}\r\n`
  // With `close_connections` the line is among the headers already.
  if (closes && !endsConnection(headers, '1.1')) head += 'Connection: close\r\n'
  if (atFront) head += `Content-Length: ${length}\r\n`
  head += sortedLines(headers, (name) => !RESPONSE_EXTRAS.has(name))
  if (length === 0 && !atFront && !isBodyless(status)) head += 'Content-Length: 0\r\n'
  return message(head, body)
}

/** An answer the gateway made, in wire form: Go prints version 0.0 for a response that never was on a connection. */
export function errorMessage(status: number, headers: readonly string[], body: string): Buffer {
  let head = `HTTP/0.0 ${String(status).padStart(3, '0')} ${statusText(status)}\r\n`
  head += sortedLines(headers, (name) => !RESPONSE_EXTRAS.has(name))
  if (body === '' && !isBodyless(status)) head += 'Content-Length: 0\r\n'
  return message(head, Buffer.from(body, 'utf8'))
}

/** Length that Go knows of the answer; -1: unknown. */
function contentLengthOf({ status, method, headers, decompressed }: ResponseMessage): number {
  const announced = valueOf(headers, 'Content-Length')
  if (method === 'HEAD') return announced === null ? -1 : Number(announced)
  if (isBodyless(status)) return 0
  return announced === null || decompressed ? -1 : Number(announced)
}

const isBodyless = (status: number): boolean => status === 204 || status === 304 || (status >= 100 && status < 200)

function parseStatusLine(line: string): { readonly version: string; readonly reason: string } {
  const match = /^HTTP\/(\d\.\d) \d{3}(?: (.*?))?\s*$/.exec(line)
  return { version: match?.[1] ?? '1.1', reason: match?.[2] ?? '' }
}

function endsConnection(headers: readonly string[], version: string): boolean {
  let close = false
  let keepAlive = false
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() !== 'connection') continue
    for (const token of (headers[i + 1] as string).toLowerCase().split(',')) {
      if (token.trim() === 'close') close = true
      else if (token.trim() === 'keep-alive') keepAlive = true
    }
  }
  return close || (version === '1.0' && !keepAlive)
}

/** The whole body as one chunk, which is how Go prints a body it holds in memory. */
function framed(body: Buffer): Buffer {
  const first = body.length === 0 ? '' : `${body.length.toString(16)}\r\n`
  const last = body.length === 0 ? '0\r\n\r\n' : '\r\n0\r\n\r\n'
  return Buffer.concat([Buffer.from(first, 'latin1'), body, Buffer.from(last, 'latin1')])
}

/** Lines sorted by name; those of one name stay in order. */
function sortedLines(headers: readonly string[], isLeft: (name: string, value: string) => boolean): string {
  const lines: { readonly name: string; readonly value: string }[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [headers[i] as string, headers[i + 1] as string]
    if (isLeft(name, value)) lines.push({ name, value })
  }
  lines.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))
  return lines.map(({ name, value }) => `${name}: ${value}\r\n`).join('')
}

function valueOf(headers: readonly string[], name: string): string | null {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1] as string
  return null
}

const message = (head: string, body: Buffer): Buffer => Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body])
