import { SMUGGLED } from '../corpus/case.ts'

/** Numbers from 0 to below a bound, the same for the same seed. */
export type Random = (below: number) => number

/** Mulberry32: short, and good enough to choose bytes. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const sized = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

/** Requests with nothing wrong. Their bodies hold a request that nobody may ever take for one. */
const VALID = [
  'GET /get?a=1 HTTP/1.1\r\nHost: client.test\r\nX-A: 1\r\nCookie: a=1; b=2\r\n\r\n',
  `POST /length HTTP/1.1\r\nHost: client.test\r\nContent-Length: ${SMUGGLED.length}\r\nX-A: 1\r\n\r\n${SMUGGLED}`,
  `POST /chunks HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n${sized('hello')}${sized(SMUGGLED)}0\r\n\r\n`,
  `PUT /trailers HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5;a=b\r\nhello\r\n${sized(SMUGGLED)}0\r\nX-T: 1\r\n\r\n`,
  `GET /body HTTP/1.1\r\nHost: client.test\r\nContent-Length: ${SMUGGLED.length}\r\nConnection: x-a\r\nX-A: 1\r\n\r\n${SMUGGLED}`,
  'POST /old HTTP/1.0\r\nHost: client.test\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello',
  'GET http://client.test/absolute HTTP/1.1\r\nHost: client.test\r\n\r\n',
  'POST /expect HTTP/1.1\r\nHost: client.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
  'POST /upgrade HTTP/1.1\r\nHost: client.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello',
] as const

const BYTES = [
  '\r',
  '\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xff',
  '0',
  '1',
  '9',
  'a',
  'f',
  'F',
  '-',
  '+',
  'x',
  '#',
  '?',
  '/',
  '%',
  '\\',
  '@',
  '=',
]
const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\n\n',
  '\r\n ',
  '\r\n\t',
  'chunked',
  'identity',
  'gzip, ',
  ', chunked',
  '0\r\n\r\n',
  '0x',
  ' HTTP/1.1',
  ' HTTP/1.0',
  ' HTTP/0.9',
  'GET /evil HTTP/1.1\r\nHost: e\r\n\r\n',
  '00000000',
  'ffffffff',
  '%0d%0a',
  '\xc2\xa0',
]
const LINES = [
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 50\r\n',
  'Content-Length : 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 5, 5\r\n',
  'content-length: 05\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding: identity, chunked\r\n',
  'transfer-encoding: CHUNKED\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Host: evil.test\r\n',
  'Host:\r\n',
  'Connection: close\r\n',
  'Connection: content-length, transfer-encoding, host\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'Trailer: Content-Length\r\n',
  ' folded\r\n',
  'no colon\r\n',
  ': no name\r\n',
]

const CODINGS = [
  'Chunked',
  'xchunked',
  'identity',
  'gzip, chunked',
  'identity, chunked',
  'chunked, identity',
  'chunked, chunked',
  ',chunked',
  'chunked,',
  '"chunked"',
  'chunked;a',
  '\tchunked',
  'chunked \t',
  '\x0bchunked',
  '',
]
/** To put in place of a length, `#`. */
const LENGTHS = [
  '+#',
  '-#',
  '0#',
  '000000000000000000000#',
  '0x#',
  '#.0',
  '#e0',
  '#, #',
  '#,',
  ' # ',
  '\t#',
  '#\0',
  '"#"',
  '9007199254740993',
  '18446744073709551616',
  '',
]

const pick = <Each>(random: Random, list: readonly Each[]): Each => list[random(list.length)] as Each
const splice = (text: string, at: number, deleted: number, inserted: string): string =>
  text.slice(0, at) + inserted + text.slice(at + deleted)

/** Of ASCII letters: others would not stay bytes. */
const swapCase = (text: string): string =>
  text.replace(/[A-Za-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) ^ 0x20))

/** A place behind a line end. */
function lineStart(random: Random, text: string): number {
  const end = text.indexOf('\r\n', random(text.length))
  return end === -1 ? text.length : end + 2
}

const MUTATIONS: readonly ((random: Random, text: string) => string)[] = [
  (random, text) => splice(text, random(text.length), 0, pick(random, BYTES)),
  (random, text) => splice(text, random(text.length), 1, pick(random, BYTES)),
  (random, text) => splice(text, random(text.length), 1 + random(4), ''),
  (random, text) => splice(text, random(text.length), 0, pick(random, TOKENS)),
  (random, text) => splice(text, lineStart(random, text), 0, pick(random, LINES)),
  (random, text) => splice(text, lineStart(random, text), 0, pick(random, LINES)),
  (random, text) => text.replace(/(?<=Transfer-Encoding: )[^\r\n]*/, pick(random, CODINGS)),
  (random, text) =>
    text.replace(/(?<=Content-Length: )[^\r\n]*/, (length) => pick(random, LENGTHS).replaceAll('#', length)),
  // A line end becomes another one.
  (random, text) =>
    splice(
      text,
      Math.max(0, lineStart(random, text) - 2),
      2,
      pick(random, ['\n', '\r', '\n\r', '\r\r\n', '\r\n\r\n', ' \r\n', '']),
    ),
  // A line is doubled, or goes somewhere else.
  (random, text) => {
    const from = lineStart(random, text)
    const line = text.slice(from, text.indexOf('\r\n', from) + 2)
    const rest = random(2) === 0 ? text : splice(text, from, line.length, '')
    return splice(rest, lineStart(random, rest), 0, line)
  },
  // A digit becomes another one.
  (random, text) => {
    const at = text.slice(random(text.length)).search(/\d/)
    return at === -1
      ? text
      : splice(text, text.length - text.slice(random(text.length)).length + at, 1, String(random(10)))
  },
  // A word changes its letter case.
  (random, text) => {
    const at = random(text.length)
    const word = text.slice(at, at + 8)
    return splice(text, at, word.length, swapCase(word))
  },
]

/** One or two valid requests, one to four things wrong with them. */
export function mutant(random: Random): string {
  let text = pick(random, VALID) + (random(3) === 0 ? pick(random, VALID) : '')
  for (let i = random(4); i >= 0; i--) text = pick(random, MUTATIONS)(random, text)
  return text
}
