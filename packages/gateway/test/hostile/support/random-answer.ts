import type { Random } from './mutate.ts'

/** What a client asks, made by chance. */
export interface RandomRequest {
  readonly method: 'GET' | 'HEAD' | 'POST'
  /** The pieces in which the body comes; null: no body. */
  readonly body: readonly string[] | null
  /** Its length is not announced. */
  readonly isChunked: boolean
  /** The client reads nothing for some turns of the event loop behind each piece of the answer. */
  readonly pauses: boolean
}

/** What an upstream answers, made by chance. */
export interface RandomAnswer {
  readonly request: RandomRequest
  readonly bytes: string
  /** The upstream ends the connection behind them. */
  readonly ends: boolean
  /** Where the bytes are cut: a client has read the piece before when the next one leaves, or pauses. In their order. */
  readonly cuts: readonly number[]
}

const NAMES = [
  'X-A',
  'x-lower',
  'Set-Cookie',
  'Cache-Control',
  'X-ODD',
  'Vary',
  'ETag',
  'Location',
  'Keep-Alive',
  'Via',
]
const VALUES = ['', '1', 'a=1; Path=/', ' spaced out ', 'ü\xff', 'one, two', '"quoted"', 'x'.repeat(300)]
const TYPES = [
  '',
  'Content-Type: text/plain\r\n',
  'content-type: application/json\r\n',
  'Content-Type: text/event-stream\r\n',
]
const DATES = [
  '',
  'Date: Mon, 30 Nov 2026 07:00:00 GMT\r\n',
  'Date: Mon, 30 Nov 2026 07:00:00 GMT\r\n',
  'date: yesterday\r\nDate: Mon, 30 Nov 2026 07:00:00 GMT\r\n',
  'Connection: date\r\nDate: Mon, 30 Nov 2026 07:00:00 GMT\r\n',
  'Date: Mon, 30 Nov 2026 07:00:00 GMT\r\nContent-Disposition: attachment; filename="\xc3\xbc\xfc.txt"\r\n',
]
const STATUSES = [
  '200 OK',
  '201 Created',
  '206 Partial Content',
  '301 Moved Permanently',
  '404 Not Found',
  '418',
  '500 Oh No',
]
const EMPTY_STATUSES = ['204 No Content', '304 Not Modified']
const INTERIM = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
  'HTTP/1.1 102 Processing\r\nX-A: 1\r\n\r\n',
]
const CONNECTION = [
  '',
  '',
  '',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: x-a\r\n',
  'Connection: close\r\nConnection: keep-alive\r\n',
  'Connection: x-a, Close\r\n',
]
/** What the pieces of request bodies are made of. */
const BODY_TEXTS = ['body ', '\xff\x00', '0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n']
const HEAD_BYTES = 120
const STRAY = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  ':',
  '\t',
  ';',
  '0',
  '1',
  'a',
  'F',
  '\x7f',
  '\xff',
  '-',
  ',',
  '\r\n\r\n',
  ' \r\n',
]

const pick = <T>(random: Random, of: readonly T[]): T => of[random(of.length)] as T
const some = (random: Random, most: number, make: () => string): string =>
  Array.from({ length: random(most + 1) }, make).join('')

/** A request and an answer to it whose interim answers, header lines, framing, body, pieces and end are chosen by chance. */
export function randomAnswer(random: Random): RandomAnswer {
  const request = randomRequest(random)
  const { bytes, ends } = answerTo(request, random)
  return { request, bytes, ends, cuts: cutsOf(random, bytes) }
}

/** An answer without a body in the request, in one piece. */
export const plainAnswer = (bytes: string): RandomAnswer => ({
  request: { method: 'GET', body: null, isChunked: false, pauses: false },
  bytes,
  ends: false,
  cuts: [],
})

function randomRequest(random: Random): RandomRequest {
  const pauses = random(4) === 0
  switch (random(5)) {
    case 0:
      return { method: 'HEAD', body: null, isChunked: false, pauses }
    case 1:
      return { method: 'POST', body: randomPieces(random), isChunked: random(2) === 0, pauses }
    default:
      return { method: 'GET', body: null, isChunked: false, pauses }
  }
}

/** Now and then more than sockets take at once. */
function randomPieces(random: Random): string[] | null {
  const most = random(8) === 0 ? 20_000 : 1_000
  const pieces = Array.from({ length: random(5) }, () => pick(random, BODY_TEXTS).repeat(1 + random(most)))
  return pieces.length === 0 ? null : pieces
}

/** Between any two bytes, and often in the head, where there is most to be told apart. */
function cutsOf(random: Random, bytes: string): number[] {
  const within = random(2) === 0 ? bytes.length : Math.min(bytes.length, HEAD_BYTES)
  const cuts = Array.from({ length: random(2) === 0 ? 0 : random(5) }, () => random(within))
  return cuts.sort((a, b) => a - b)
}

function answerTo({ method }: RandomRequest, random: Random): Pick<RandomAnswer, 'bytes' | 'ends'> {
  const interim = some(random, 2, () => (random(3) === 0 ? pick(random, INTERIM) : ''))
  const lines = some(random, 5, () => `${pick(random, NAMES)}: ${pick(random, VALUES)}\r\n`)
  const version = random(8) === 0 ? '1.0' : '1.1'
  const isEmpty = random(8) === 0
  const status = pick(random, isEmpty ? EMPTY_STATUSES : STATUSES)
  const head = `${interim}HTTP/${version} ${status}\r\n${lines}${pick(random, DATES)}${pick(random, TYPES)}${pick(random, CONNECTION)}`
  const body = randomBody(random)
  if (isEmpty) return { bytes: `${head}\r\n`, ends: random(2) === 0 }
  switch (random(version === '1.0' ? 2 : 3)) {
    case 0: {
      // More than one read takes. With chunks of our own their borders would be those of reads.
      const sized = random(16) === 0 ? body.repeat(12) : body
      return framed(random, method, `${head}Content-Length: ${sized.length}\r\n\r\n`, sized)
    }
    case 1:
      return { bytes: `${head}\r\n${method === 'HEAD' ? '' : body}`, ends: true }
    default:
      return framed(random, method, `${head}Transfer-Encoding: chunked\r\n\r\n`, chunksOf(random, body))
  }
}

/** The same with a byte or two that do not belong there, or missing, or with an end too early. It ends the connection. */
export function randomFaultyAnswer(random: Random): RandomAnswer {
  // Whatever it has become, it has an end.
  return { ...spoilt(random, randomAnswer(random)), ends: true }
}

function spoilt(random: Random, answer: RandomAnswer): RandomAnswer {
  let { bytes } = answer
  for (let i = random(2); i >= 0; i--) {
    const at = random(bytes.length)
    switch (random(3)) {
      case 0:
        bytes = bytes.slice(0, at) + pick(random, STRAY) + bytes.slice(at)
        break
      case 1:
        bytes = bytes.slice(0, at) + bytes.slice(at + 1 + random(3))
        break
      default:
        return { ...answer, bytes: bytes.slice(0, at) }
    }
  }
  return { ...answer, bytes }
}

/** One of several answers on a connection. */
export interface RandomTurn {
  readonly answer: RandomAnswer
  readonly isValid: boolean
  /** Comes right behind the answer, and belongs to nobody; '': nothing. */
  readonly surplus: string
  /** Comes later, when nobody asks. */
  readonly afterwards: string
}

/** What an upstream might say too much. None of it may be heard. */
export const SURPLUS_MARK = 'of nobody'
const SURPLUS = [
  `HTTP/1.1 200 OK\r\nContent-Length: ${SURPLUS_MARK.length}\r\n\r\n${SURPLUS_MARK}`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n${SURPLUS_MARK}\r\n`,
  `HTTP/1.1 404 Not Found\r\nX-A: ${SURPLUS_MARK}\r\n`,
  'HTTP/1.1 103 Early Hints\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n',
  'HTTP/1.1 ',
  '0\r\n\r\n',
  '\r\n',
  '\n',
  SURPLUS_MARK,
]

/** Two or three answers, valid and faulty ones, that one connection may carry. */
export function randomTurns(random: Random): RandomTurn[] {
  return Array.from({ length: 2 + random(2) }, () => {
    const answer = randomAnswer(random)
    const isValid = random(2) === 0
    // Behind an answer that lasts until the end of the connection nothing is surplus.
    const surplus = isValid && !answer.ends && random(4) === 0 ? pick(random, SURPLUS) : ''
    const afterwards = random(4) === 0 ? pick(random, SURPLUS) : ''
    return { answer: isValid ? answer : spoilt(random, answer), isValid, surplus, afterwards }
  })
}

const framed = (
  random: Random,
  method: RandomRequest['method'],
  head: string,
  body: string,
): Pick<RandomAnswer, 'bytes' | 'ends'> => ({
  bytes: method === 'HEAD' ? head : head + body,
  ends: random(4) === 0,
})

function randomBody(random: Random): string {
  switch (random(4)) {
    case 0:
      return ''
    case 1:
      return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno'
    case 2:
      return '<html>\xff\x00</html>'
    default:
      return 'body '.repeat(random(4_000))
  }
}

function chunksOf(random: Random, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const chunk = body.slice(at, at + 1 + random(body.length))
    text += `${chunk.length.toString(16)}${random(6) === 0 ? ';name=value' : ''}\r\n${chunk}\r\n`
    at += chunk.length
  }
  const trailers = some(random, 2, () => (random(2) === 0 ? `X-Trailer: ${pick(random, ['1', 'two'])}\r\n` : ''))
  return `${text}0\r\n${trailers}\r\n`
}
