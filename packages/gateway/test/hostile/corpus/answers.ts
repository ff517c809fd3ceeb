/** What an upstream answers, byte for byte, and what the client gets of it. */
export interface AnswerCase {
  readonly name: string
  readonly method: 'GET' | 'HEAD'
  readonly bytes: string
  /** The upstream ends the connection behind them. */
  readonly ends: boolean
  /** The client gets this, and is told that it is whole; null: it is told that it is not. */
  readonly client: ClientAnswer | null
  /** The connection carries the next request. */
  readonly reused: boolean
  /** Only if it comes in one piece. */
  readonly atOnce: boolean
}

export interface ClientAnswer {
  readonly status: number
  /** Of the lines that the upstream sent, those that go on, in their order. */
  readonly lines: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
}

const OK = 'HTTP/1.1 200 OK\r\n'
const TEXT = 'Content-Type: text/plain\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const MB = 1_000_000

/** An answer with these lines. */
const ok = (lines: string, body = ''): string => `${OK}${TEXT}${lines}\r\n${body}`
const chunks = (body: string): string => ok(CHUNKED, body)
/** An answer that would do, behind this beginning. */
const behind = (beginning: string): string => `${beginning}${TEXT}Content-Length: 2\r\n\r\nok`

const client = (body: string, rest: Partial<ClientAnswer> = {}): ClientAnswer => ({
  status: 200,
  lines: ['Content-Type: text/plain'],
  body,
  trailers: [],
  ...rest,
})
const sized = (body: string, ...lines: string[]): ClientAnswer =>
  client(body, { lines: ['Content-Type: text/plain', ...lines, `Content-Length: ${body.length}`] })

const CASE = { method: 'GET', ends: false, reused: false, atOnce: false } as const
const ERROR: ClientAnswer = {
  status: 500,
  lines: ['Content-Type: application/json', 'X-Generator: tyk.io', 'Content-Length: 59'],
  body: '{\n    "error": "There was a problem proxying the request"\n}',
  trailers: [],
}

/** The client gets the gateway's own error, as nothing was sent to it yet. */
const failed = (name: string, bytes: string): AnswerCase => ({ ...CASE, name, bytes, client: ERROR })
/** The client has the head already: its connection is cut. */
const cut = (name: string, bytes: string): AnswerCase => ({ ...CASE, name, bytes, client: null })
const passed = (name: string, bytes: string, there: ClientAnswer): AnswerCase => ({
  ...CASE,
  name,
  bytes,
  client: there,
  reused: true,
})
/** The client gets it, but the connection is not trusted with another request, or not at once. */
const passedLast = (name: string, bytes: string, there: ClientAnswer): AnswerCase => ({
  ...passed(name, bytes, there),
  reused: false,
})
/** More comes behind it. Later than it, that could only be told from an answer to the next request by the time. */
const exceeded = (name: string, bytes: string, there: ClientAnswer): AnswerCase => ({
  ...passedLast(name, bytes, there),
  atOnce: true,
})
const ending = (each: AnswerCase): AnswerCase => ({ ...each, ends: true, reused: false })

const lengths: AnswerCase[] = [
  passed('CL: one', ok('Content-Length: 2\r\n', 'ok'), sized('ok')),
  passed('CL: twice, equal', ok('Content-Length: 2\r\nContent-Length: 2\r\n', 'ok'), sized('ok')),
  passed(
    'CL: three times, in other spellings',
    ok('content-length: 2\r\nX-A: 1\r\nCONTENT-LENGTH: 2\r\nContent-Length: 02\r\n', 'ok'),
    client('ok', { lines: ['Content-Type: text/plain', 'Content-Length: 2', 'X-A: 1'] }),
  ),
  passed('CL: a list of equal ones', ok('Content-Length: 2, 2\r\n', 'ok'), sized('ok')),
  passed('CL: a leading zero', ok('Content-Length: 02\r\n', 'ok'), sized('ok')),
  passed('CL: 0', ok('Content-Length: 0\r\n'), sized('')),
  ...[
    '2\r\nContent-Length: 3',
    '2, 3',
    '+2',
    '-2',
    '0x2',
    '2.0',
    '2 2',
    '',
    'two',
    '2;',
    '"2"',
    '99999999999999999999',
    '9007199254740993',
  ].map((length) => failed(`CL: ${JSON.stringify(length)}`, ok(`Content-Length: ${length}\r\n`, 'ok'))),
  ending(cut('CL: above the body', ok('Content-Length: 5\r\n', 'ok'))),
  exceeded('CL: below the body', ok('Content-Length: 2\r\n', 'ok, and more'), sized('ok')),
  passed('CL: named in Connection', ok('Connection: content-length\r\nContent-Length: 2\r\n', 'ok'), client('ok')),
  passedLast('CL: Connection: close', ok('Connection: close\r\nContent-Length: 2\r\n', 'ok'), sized('ok')),
  passedLast('CL: HTTP/1.0', `HTTP/1.0 200 OK\r\n${TEXT}Content-Length: 2\r\n\r\nok`, sized('ok')),
  ending(passed('no framing', ok('', 'until the end'), client('until the end'))),
]

const codings: AnswerCase[] = [
  passed('TE: chunked', chunks('2\r\nok\r\n0\r\n\r\n'), client('ok')),
  passed('TE: in another spelling', ok('transfer-encoding: Chunked \r\n', '2\r\nok\r\n0\r\n\r\n'), client('ok')),
  passedLast('CL+TE', ok(`Content-Length: 7\r\n${CHUNKED}`, '2\r\nok\r\n0\r\n\r\n'), client('ok')),
  passedLast('TE+CL', ok(`${CHUNKED}Content-Length: 1\r\n`, '2\r\nok\r\n0\r\n\r\n'), client('ok')),
  passedLast(
    'CL+TE: a length that ends in the next answer',
    ok(`Content-Length: 500\r\n${CHUNKED}`, '2\r\nok\r\n0\r\n\r\n'),
    client('ok'),
  ),
  failed('CL+CL+TE: lengths that differ', ok(`Content-Length: 1\r\nContent-Length: 2\r\n${CHUNKED}`, '0\r\n\r\n')),
  passedLast(
    'TE: HTTP/1.0',
    `HTTP/1.0 200 OK\r\n${TEXT}Connection: keep-alive\r\n${CHUNKED}\r\n2\r\nok\r\n0\r\n\r\n`,
    client('ok'),
  ),
  ...[
    'gzip, chunked',
    'chunked, gzip',
    'identity',
    'identity, chunked',
    'chunked, chunked',
    'xchunked',
    'chunked;q=1',
    '"chunked"',
    ',chunked',
    '',
    'chunked\r\nTransfer-Encoding: chunked',
    'chunked\r\nTransfer-Encoding: identity',
    '\r\n chunked',
    '\x0bchunked',
  ].map((coding) =>
    failed(`TE: ${JSON.stringify(coding)}`, ok(`Transfer-Encoding: ${coding}\r\n`, '2\r\nok\r\n0\r\n\r\n')),
  ),
]

const bodies: AnswerCase[] = [
  ...[
    'x',
    '-2',
    '+2',
    '0x2',
    '',
    ';a',
    ' 2',
    '2x',
    '2,2',
    '2\0',
    '2\x0b',
    'ffffffffffffffff',
    '10000000000000002',
    `2;${'a'.repeat(5000)}`,
  ].map((size) => cut(`chunk size: ${JSON.stringify(size.slice(0, 20))}`, chunks(`${size}\r\nok\r\n0\r\n\r\n`))),
  ...['02', '2;a=b', '2 ', '2\t;a'].map((size) =>
    passed(`chunk size: ${JSON.stringify(size)}`, chunks(`${size}\r\nok\r\n0\r\n\r\n`), client('ok')),
  ),
  passed('chunk: bare line feeds', chunks('2\nok\n0\n\n'), client('ok')),
  cut('chunk: longer than its size', chunks('2\r\nokay\r\n0\r\n\r\n')),
  cut('chunk: no line end', chunks('2\r\nok0\r\n\r\n')),
  cut('chunk: a carriage return alone', chunks('2\r\nok\rX0\r\n\r\n')),
  ...[
    '',
    '2',
    '2\r\n',
    '2\r\no',
    '2\r\nok',
    '2\r\nok\r\n',
    '2\r\nok\r\n0',
    '2\r\nok\r\n0\r\n',
    '2\r\nok\r\n0\r\nX-T: 1\r\n',
  ].map((body) => ending(cut(`cut behind ${JSON.stringify(body)}`, chunks(body)))),
  passed(
    'trailers',
    chunks('2\r\nok\r\n0\r\nX-T: 1\r\nX-T: 2\r\n\r\n'),
    client('ok', { trailers: ['X-T: 1', 'X-T: 2'] }),
  ),
  passed(
    'trailers that frame or guard',
    chunks(
      '2\r\nok\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nSet-Cookie: a\r\nWWW-Authenticate: b\r\nX-T: 1\r\n\r\n',
    ),
    client('ok', { trailers: ['X-T: 1'] }),
  ),
  ...['X T: 1', 'X-T : 1', 'XT', ': 1', 'X-T: a\0', 'X-T: a\rb', ' X-T: 1'].map((line) =>
    cut(`trailer ${JSON.stringify(line)}`, chunks(`2\r\nok\r\n0\r\n${line}\r\n\r\n`)),
  ),
  cut('trailers of 11 MB', chunks(`2\r\nok\r\n0\r\n${`X-T: ${'a'.repeat(MB)}\r\n`.repeat(11)}\r\n`)),
  exceeded('bytes behind the last chunk', chunks(`2\r\nok\r\n0\r\n\r\n${behind(OK)}`), client('ok')),
  exceeded('another answer behind it', `${behind(OK)}${behind('HTTP/1.1 404 Not Found\r\n')}`, sized('ok')),
]

const heads: AnswerCase[] = [
  passed('bare line feeds', 'HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 2\n\nok', sized('ok')),
  passed(
    'a folded line becomes one',
    behind(`${OK}X-A: a\r\n \t b\r\n`),
    client('ok', { lines: ['X-A: a b', 'Content-Type: text/plain', 'Content-Length: 2'] }),
  ),
  passed(
    'bytes above 0x7f in a value',
    behind(`${OK}X-A: \x80\xff\r\n`),
    client('ok', { lines: ['X-A: \x80\xff', 'Content-Type: text/plain', 'Content-Length: 2'] }),
  ),
  ...[
    'X-A: a\rb',
    'X-A: a\rX-B: b',
    'X-A: a\r',
    'X-A: a\0b',
    'X-A: a\x01b',
    'X-A: a\x7fb',
    'X A: a',
    'X-A : a',
    'X-A\t: a',
    ' X-A: a',
    'XA',
    ': a',
    'X\xe9: a',
    'X(: a',
  ].map((line) => failed(`line ${JSON.stringify(line)}`, behind(`${OK}${line}\r\n`))),
  ...[
    'HTTP/2 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200OK',
    'http/1.1 200 OK',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1 200 OK\rX-A: 1',
    'HTTP/1.1 200 O\0K',
    '',
    'nonsense',
    'HTTP/1.1 099 Low',
    'HTTP/1.1 000 None',
  ].map((line) => failed(`status line ${JSON.stringify(line)}`, behind(`${line}\r\n`))),
  passed('no reason', behind('HTTP/1.1 200\r\n'), sized('ok')),
  ending(failed('a control character, HTTP/1.0 and no framing', 'HTTP/1.0 200 OK\r\nX-A: a\x01b\r\n\r\n')),
  ending(failed('nothing', '')),
  ending(failed('half a head', `${OK}Content-Type: te`)),
  ending(failed('a head without its end', `${OK}${TEXT}`)),
  passed(
    'interim answers',
    behind(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`),
    sized('ok'),
  ),
  failed('a flood of interim answers', behind(`${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)}${OK}`)),
  failed(
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nnoise',
  ),
  failed('a malformed interim answer', behind(`HTTP/1.1 103 Early Hints\r\nBad\r\n\r\n${OK}`)),
]

const bodiless: AnswerCase[] = [
  passed('204', 'HTTP/1.1 204 No Content\r\n\r\n', client('', { status: 204, lines: [] })),
  passedLast(
    '204 with a body',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
    client('', { status: 204, lines: [] }),
  ),
  passedLast(
    '204 with chunks',
    `HTTP/1.1 204 No Content\r\n${CHUNKED}\r\n2\r\nok\r\n0\r\n\r\n`,
    client('', { status: 204, lines: [] }),
  ),
  passedLast(
    '304 with a length',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    client('', { status: 304, lines: ['Content-Length: 5'] }),
  ),
  passedLast(
    '304 with a body',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello',
    client('', { status: 304, lines: ['Content-Length: 5'] }),
  ),
  {
    ...passedLast(
      'HEAD',
      ok('Content-Length: 5\r\n'),
      client('', { lines: ['Content-Type: text/plain', 'Content-Length: 5'] }),
    ),
    method: 'HEAD',
  },
  {
    ...passedLast(
      'HEAD with a body',
      ok('Content-Length: 5\r\n', 'hello'),
      client('', { lines: ['Content-Type: text/plain', 'Content-Length: 5'] }),
    ),
    method: 'HEAD',
  },
  {
    ...passedLast(
      'HEAD with another answer as its body',
      ok(`Content-Length: 5\r\n`, behind(OK)),
      client('', { lines: ['Content-Type: text/plain', 'Content-Length: 5'] }),
    ),
    method: 'HEAD',
  },
]

const large = (name: string, lines: readonly string[]): AnswerCase =>
  passed(
    name,
    behind(`${OK}${lines.join('\r\n')}\r\n`),
    client('ok', { lines: [...lines, 'Content-Type: text/plain', 'Content-Length: 2'] }),
  )

/** A head may take 10 MiB. */
const sizes: AnswerCase[] = [
  large('a header of 20 KiB', [`X-A: ${'a'.repeat(20 * 1024)}`]),
  large('a header of 1 MB', [`X-A: ${'a'.repeat(MB)}`]),
  large('a header of 9 MB', [`X-A: ${'a'.repeat(9 * MB)}`]),
  large(
    '5,000 headers',
    Array.from({ length: 5_000 }, () => 'X-A: a'),
  ),
  failed('a header of 11 MB', behind(`${OK}X-A: ${'a'.repeat(11 * MB)}\r\n`)),
  failed('a header that never ends', `${OK}X-A: ${'a'.repeat(12 * MB)}`),
  failed('a status line that never ends', `HTTP/1.1 200 ${'a'.repeat(12 * MB)}`),
]

export const answerCases: readonly AnswerCase[] = [...lengths, ...codings, ...bodies, ...heads, ...bodiless, ...sizes]
