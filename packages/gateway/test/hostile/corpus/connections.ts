import {
  answered,
  brokenOff,
  forwarded,
  forwardedLast,
  get,
  halfClosed,
  HOST,
  post,
  refused,
  seen,
  seenHello,
  SMUGGLED,
} from './case.ts'
import type { HostileCase } from './case.ts'

const WEBSOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
const upgraded = ['Connection: Upgrade', 'Upgrade: websocket']

const one = get('', '/one')
const two = get('', '/two')
const seenOne = seen('GET', '/one')
const seenTwo = seen('GET', '/two')
const BAD = 'BAD\r\n\r\n'

const expectations: HostileCase[] = [
  forwarded(
    'Expect: a body follows at once',
    post('Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello'),
    seen('POST', '/x', { lines: ['Expect: 100-continue'], body: 'hello' }),
  ),
  forwarded(
    'Expect: in another spelling',
    post('Expect: 100-Continue\r\nContent-Length: 5\r\n', 'hello'),
    seen('POST', '/x', { lines: ['Expect: 100-Continue'], body: 'hello' }),
  ),
  forwarded(
    'Expect: unknown',
    post('Expect: bogus\r\nContent-Length: 5\r\n', 'hello'),
    seen('POST', '/x', { lines: ['Expect: bogus'], body: 'hello' }),
  ),
  forwarded(
    'Expect: twice',
    post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n', 'hello'),
    seen('POST', '/x', { lines: ['Expect: 100-continue', 'Expect: 100-continue'], body: 'hello' }),
  ),
  forwardedLast(
    'Expect: no body',
    get('Expect: 100-continue\r\n'),
    seen('GET', '/x', { lines: ['Expect: 100-continue'] }),
  ),
  forwardedLast(
    'Expect: HTTP/1.0',
    `POST /x HTTP/1.0\r\n${HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
    seen('POST', '/x', { lines: ['Expect: 100-continue'], body: 'hello' }),
  ),
  refused(
    'Expect: a refused request gets no 100',
    `POST /x HTTP/1.1\r\nHost: a b\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
  ),
]

const upgrades: HostileCase[] = [
  forwardedLast('Upgrade: one that the upstream declines', get(WEBSOCKET), seen('GET', '/x', { lines: upgraded })),
  forwardedLast(
    'Upgrade: behind a request under way',
    one + get(WEBSOCKET),
    seenOne,
    seen('GET', '/x', { lines: upgraded }),
  ),
  forwarded('Upgrade: with a length', post(`${WEBSOCKET}Content-Length: 5\r\n`, 'hello'), seenHello),
  forwarded(
    'Upgrade: with a chunked body',
    post(`${WEBSOCKET}Transfer-Encoding: chunked\r\n`, '5\r\nhello\r\n0\r\n\r\n'),
    seen('POST', '/x', { body: 'hello', chunked: true }),
  ),
  forwarded(
    'Upgrade: with a request as its body',
    post(`${WEBSOCKET}Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
    seen('POST', '/x', { body: SMUGGLED }),
  ),
  forwarded(
    'Upgrade: behind a request under way, with a body',
    one + post(`${WEBSOCKET}Content-Length: 5\r\n`, 'hello'),
    seenOne,
    seenHello,
  ),
  forwarded('Upgrade: named in no Connection line', get('Upgrade: websocket\r\n'), seen('GET', '/x')),
  forwarded('Upgrade: none, though Connection names it', get('Connection: upgrade\r\n'), seen('GET', '/x')),
  refused('Upgrade: CL+TE', post(`${WEBSOCKET}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`, '0\r\n\r\n')),
  refused('Upgrade: another coding', post(`${WEBSOCKET}Transfer-Encoding: gzip, chunked\r\n`, '0\r\n\r\n'), 501),
  refused('Upgrade: no Host', `GET /x HTTP/1.1\r\n${WEBSOCKET}\r\n`),
  refused('Upgrade: two hosts', `GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n${WEBSOCKET}\r\n`),
  brokenOff('Upgrade: a broken chunk', post(`${WEBSOCKET}Transfer-Encoding: chunked\r\n`, '5\r\nhello!\r\n0\r\n\r\n')),
]

const hopByHop: HostileCase[] = [
  forwarded(
    'Connection: content-length',
    post('Connection: content-length\r\nContent-Length: 5\r\n', 'hello'),
    seenHello,
  ),
  forwarded('Connection: host', get('Connection: host\r\n'), seen('GET', '/x')),
  forwarded(
    'Connection: transfer-encoding, x-forwarded-for',
    post(
      'Connection: transfer-encoding, x-forwarded-for\r\nX-Forwarded-For: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n',
      '5\r\nhello\r\n0\r\n\r\n',
    ),
    seen('POST', '/x', { body: 'hello', chunked: true }),
  ),
  forwarded(
    'Connection: authorization',
    get('Connection: authorization\r\nAuthorization: a\r\nX-A: 1\r\n'),
    seen('GET', '/x', { lines: ['X-A: 1'] }),
  ),
  forwarded(
    'Connection: cookie',
    get('Connection: Cookie\r\nCookie: a=1\r\nX-A: 1\r\n'),
    seen('GET', '/x', { lines: ['X-A: 1'] }),
  ),
  forwarded('Connection: user-agent', get('Connection: user-agent\r\nUser-Agent: me\r\n'), seen('GET', '/x')),
  forwarded(
    'Connection: two lines',
    get('Connection: x-a\r\nConnection: x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n'),
    seen('GET', '/x', { lines: ['X-C: 3'] }),
  ),
  forwarded('Connection: no names', get('Connection: ,, ,\r\nX-A: 1\r\n'), seen('GET', '/x', { lines: ['X-A: 1'] })),
  forwarded(
    'Connection: trailer and te',
    post(
      'Connection: te, trailer\r\nTe: trailers\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n',
      '0\r\nX-T: 1\r\n\r\n',
    ),
    seen('POST', '/x', { chunked: true, trailers: ['X-T: 1'] }),
  ),
  forwarded('Te: trailers alone stays', get('Te: trailers\r\n'), seen('GET', '/x', { lines: ['Te: trailers'] })),
  forwarded('Te: with a coding', get('Te: trailers, chunked\r\n'), seen('GET', '/x')),
  forwarded(
    'headers of a hop',
    get(
      'Keep-Alive: timeout=1\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: a\r\nProxy-Authenticate: b\r\nTrailer: c\r\nX-A: 1\r\n',
    ),
    seen('GET', '/x', { lines: ['X-A: 1'] }),
  ),
  forwarded(
    'X-Forwarded-For in three lines',
    get('X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2, 192.0.2.3\r\nx-forwarded-for:\r\n'),
    seen('GET', '/x', { forwardedFor: '192.0.2.1, 192.0.2.2, 192.0.2.3, ' }),
  ),
  forwardedLast('Proxy-Connection: close', get('Proxy-Connection: close\r\n'), seen('GET', '/x')),
  forwarded('X-Tyk-Internal', get('X-Tyk-Internal: 1\r\n'), seen('GET', '/x')),
]

const bodies: HostileCase[] = [
  forwarded(
    'GET with a request as its body',
    get(`Content-Length: ${SMUGGLED.length}\r\n`) + SMUGGLED,
    seen('GET', '/x', { body: SMUGGLED }),
  ),
  forwarded(
    'GET with a body on a connection that is used again',
    `${get('Content-Length: 5\r\n')}hello${one}`,
    seen('GET', '/x', { body: 'hello' }),
    seenOne,
  ),
  forwarded(
    'HEAD with a body',
    `HEAD /x HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
    seen('HEAD', '/x', { body: 'hello' }),
  ),
  forwarded(
    'DELETE with a body',
    `DELETE /x HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
    seen('DELETE', '/x', { body: 'hello' }),
  ),
  forwarded(
    'TRACE with a body',
    `TRACE /x HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
    seen('TRACE', '/x', { body: 'hello' }),
  ),
  forwarded(
    'OPTIONS with a body',
    `OPTIONS /x HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
    seen('OPTIONS', '/x', { body: 'hello' }),
  ),
  ...(
    [
      ['twice', ['Content-Type: a/b', 'Content-Type: c/d']],
      ['nonsense', ['Content-Type: ;;;']],
      ['empty', ['Content-Type: ']],
      ['JSON that is none', ['Content-Type: application/json']],
      ['a form', ['Content-Type: application/x-www-form-urlencoded']],
    ] as const
  ).map(([name, lines]) =>
    forwarded(
      `Content-Type: ${name}`,
      post(`${lines.join('\r\n')}\r\nContent-Length: 5\r\n`, 'hello'),
      seen('POST', '/x', { lines, body: 'hello' }),
    ),
  ),
  halfClosed(brokenOff('a body that is cut short', post('Content-Length: 5000\r\n', 'hel'))),
]

const pipelines: HostileCase[] = [
  forwarded('pipeline: four', one + two + one + two, seenOne, seenTwo, seenOne, seenTwo),
  forwarded('pipeline: a hundred', one.repeat(100), ...Array.from({ length: 100 }, () => seenOne)),
  forwarded(
    'pipeline: bodies of every kind',
    `${post('Content-Length: 5\r\n', 'hello')}${one}${post('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n')}${post('')}${two}`,
    seenHello,
    seenOne,
    seen('POST', '/x', { body: 'hello', chunked: true }),
    seen('POST', '/x'),
    seenTwo,
  ),
  forwarded('pipeline: behind HEAD', `HEAD /x HTTP/1.1\r\n${HOST}\r\n${one}`, seen('HEAD', '/x'), seenOne),
  forwardedLast('pipeline: a malformed one behind a good one', one + BAD, seenOne, 400),
  forwardedLast('pipeline: a malformed one behind three', one + two + one + BAD, seenOne, seenTwo, seenOne, 400),
  forwardedLast(
    'pipeline: CL+TE behind a good one',
    one + post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    seenOne,
    400,
  ),
  {
    ...forwardedLast(
      'pipeline: a broken chunk behind a good one',
      one + post('Transfer-Encoding: chunked\r\n', 'x\r\n'),
      seenOne,
      400,
    ),
    breaksOff: true,
  },
  forwardedLast(
    'pipeline: an unknown coding behind a good one',
    one + post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    seenOne,
    501,
  ),
  forwardedLast('pipeline: no Host behind a good one', `${one}GET /x HTTP/1.1\r\n\r\n`, seenOne, 400),
  forwardedLast(
    'pipeline: CONNECT behind a good one',
    `${one}CONNECT client.test:80 HTTP/1.1\r\n${HOST}\r\n`,
    seenOne,
    405,
  ),
  forwardedLast('pipeline: one behind Connection: close', get('Connection: close\r\n') + one, seen('GET', '/x')),
  forwardedLast(
    'pipeline: nonsense behind Connection: close',
    `${get('Connection: close\r\n')}\0\0 nonsense\r\n\r\n`,
    seen('GET', '/x'),
  ),
  forwardedLast('pipeline: one behind HTTP/1.0', `GET /x HTTP/1.0\r\n${HOST}\r\n${one}`, seen('GET', '/x')),
  refused('pipeline: behind 400 of the gate', get('', '/%zz') + one),
  refused('pipeline: behind 400 of the parser', BAD + one),
  refused('pipeline: behind CONNECT', `CONNECT client.test:80 HTTP/1.1\r\n${HOST}\r\n${one}`, 405),
  answered('pipeline: behind a redirect', get('', '/a//b'), 301),
  answered(
    'pipeline: behind a redirect with a body',
    `POST /a//b HTTP/1.1\r\n${HOST}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    301,
  ),
  answered(
    'pipeline: behind a redirect with a chunked body',
    `POST /a//b HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    301,
  ),
  forwardedLast(
    'pipeline: a broken chunk of a request that is answered already',
    `POST /a//b HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nx\r\n${one}`,
    301,
  ),
]

export const connectionCases: readonly HostileCase[] = [
  ...expectations,
  ...upgrades,
  ...hopByHop,
  ...bodies,
  ...pipelines,
]
