import {
  brokenOff,
  chunked,
  forwarded,
  get,
  HOST,
  post,
  refused,
  seen,
  seenEmpty,
  seenHello,
  SMUGGLED,
} from './case.ts'
import type { HostileCase } from './case.ts'

const LAST = '0\r\n\r\n'

/** Two parties that believe different ones of the two headers disagree about where the next request begins. */
const both: HostileCase[] = [
  ['Content-Length, then Transfer-Encoding', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
  ['Transfer-Encoding, then Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'],
  ['both in lower case', 'content-length: 5\r\ntransfer-encoding: chunked\r\n'],
  ['both in upper case', 'CONTENT-LENGTH: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n'],
  ['both with other lines between', 'Content-Length: 5\r\nX-A: 1\r\nCookie: a\r\nTransfer-Encoding: chunked\r\n'],
  ['Content-Length: 0 and Transfer-Encoding', 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n'],
  ['Transfer-Encoding and Content-Length: 0', 'Transfer-Encoding: chunked\r\nContent-Length: 0\r\n'],
  ['both, the length before and behind', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n'],
  ['both, identity', 'Content-Length: 5\r\nTransfer-Encoding: identity\r\n'],
  ['identity, both', 'Transfer-Encoding: identity\r\nContent-Length: 5\r\n'],
  ['both, xchunked', 'Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n'],
  ['both, empty coding', 'Content-Length: 5\r\nTransfer-Encoding:\r\n'],
  [
    'both, one named in Connection',
    'Connection: content-length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n',
  ],
].map(([name, lines]) => refused(`CL+TE: ${name}`, post(lines as string, LAST)))

const hiddenRequests: HostileCase[] = [
  refused(
    'CL.TE: a request behind the last chunk',
    post(`Content-Length: ${5 + SMUGGLED.length}\r\nTransfer-Encoding: chunked\r\n`, LAST + SMUGGLED),
  ),
  refused(
    'TE.CL: a request in a chunk',
    post(
      'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
      `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n${LAST}`,
    ),
  ),
  refused(
    'TE.TE: two codings, one of them unknown',
    post(
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nContent-Length: 4\r\n',
      `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n${LAST}`,
    ),
  ),
  refused(
    'CL.0: a request in the body of one with two lengths',
    post(`Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
  ),
  forwarded(
    'a request in a body with a length stays a body',
    post(`Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
    seen('POST', '/x', { body: SMUGGLED }),
  ),
  forwarded(
    'a request in a chunk stays a body',
    chunked(`${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n${LAST}`),
    seen('POST', '/x', { body: SMUGGLED, chunked: true }),
  ),
]

const lengths: HostileCase[] = [
  ...(
    [
      ['twice, equal', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
      ['twice, different', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
      ['twice, 0 first', 'Content-Length: 0\r\nContent-Length: 5\r\n'],
      ['twice, in two spellings', 'Content-Length: 5\r\ncontent-length: 6\r\n'],
      ['a list of equal ones', 'Content-Length: 5, 5\r\n'],
      ['a list of different ones', 'Content-Length: 5, 6\r\n'],
      ['a list with an empty end', 'Content-Length: 5,\r\n'],
      ['+5', 'Content-Length: +5\r\n'],
      ['-1', 'Content-Length: -1\r\n'],
      ['-0', 'Content-Length: -0\r\n'],
      ['0x5', 'Content-Length: 0x5\r\n'],
      ['5.0', 'Content-Length: 5.0\r\n'],
      ['5e0', 'Content-Length: 5e0\r\n'],
      ['5_0', 'Content-Length: 5_0\r\n'],
      ['5 5', 'Content-Length: 5 5\r\n'],
      ['5;', 'Content-Length: 5;\r\n'],
      ['"5"', 'Content-Length: "5"\r\n'],
      ['empty', 'Content-Length:\r\n'],
      ['blank', 'Content-Length: \t \r\n'],
      ['letters', 'Content-Length: five\r\n'],
      ['vertical tab', 'Content-Length: \x0b5\r\n'],
      ['NUL behind', 'Content-Length: 5\0\r\n'],
      ['no-break space', 'Content-Length: 5\xa0\r\n'],
      ['digits of another script', 'Content-Length: \xd9\xa5\r\n'],
      ['folded', 'Content-Length:\r\n 5\r\n'],
      ['folded behind a digit', 'Content-Length: 0\r\n 5\r\n'],
      ['space before the colon', 'Content-Length : 5\r\n'],
      ['tab before the colon', 'Content-Length\t: 5\r\n'],
      ['a carriage return behind', 'Content-Length: 5\r\r\n'],
      ['larger than an exact number', 'Content-Length: 9007199254740993\r\n'],
      ['2^63', 'Content-Length: 9223372036854775808\r\n'],
      ['2^64 - 1', 'Content-Length: 18446744073709551615\r\n'],
      ['2^64 + 5', 'Content-Length: 18446744073709551621\r\n'],
      ['a hundred digits', `Content-Length: ${'9'.repeat(100)}\r\n`],
    ] as const
  ).map(([name, lines]) => refused(`CL: ${name}`, post(lines, 'hello'))),
  ...(
    [
      ['a space behind', 'Content-Length: 5 \r\n'],
      ['tabs around', 'Content-Length:\t5\t\r\n'],
      ['no space before', 'Content-Length:5\r\n'],
      ['a leading zero', 'Content-Length: 05\r\n'],
      ['many leading zeros', `Content-Length: ${'0'.repeat(40)}5\r\n`],
      ['odd letter case', 'cOnTeNt-LeNgTh: 5\r\n'],
    ] as const
  ).map(([name, lines]) => forwarded(`CL: ${name}`, post(lines, 'hello'), seenHello)),
  forwarded(
    'CL: another header with a similar name',
    post('Content_Length: 9\r\nContent-Length: 5\r\n', 'hello'),
    seen('POST', '/x', { lines: ['Content_length: 9'], body: 'hello' }),
  ),
  forwarded('CL: 0', post('Content-Length: 0\r\n'), seen('POST', '/x')),
]

const codings: HostileCase[] = [
  ...(
    [
      ['xchunked', 'Transfer-Encoding: xchunked\r\n', 501],
      ['chunkedx', 'Transfer-Encoding: chunkedx\r\n', 501],
      ['identity', 'Transfer-Encoding: identity\r\n', 501],
      ['empty', 'Transfer-Encoding:\r\n', 400],
      ['chunked, identity', 'Transfer-Encoding: chunked, identity\r\n', 400],
      ['identity, chunked', 'Transfer-Encoding: identity, chunked\r\n', 501],
      ['gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n', 501],
      ['chunked, chunked', 'Transfer-Encoding: chunked, chunked\r\n', 400],
      ['chunked,', 'Transfer-Encoding: chunked,\r\n', 400],
      [',chunked', 'Transfer-Encoding: ,chunked\r\n', 501],
      ['quoted', 'Transfer-Encoding: "chunked"\r\n', 501],
      ['single quotes', "Transfer-Encoding: 'chunked'\r\n", 501],
      ['with a parameter', 'Transfer-Encoding: chunked;q=1\r\n', 501],
      ['brackets', 'Transfer-Encoding: [chunked]\r\n', 501],
      ['two lines, identity first', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n', 501],
      ['two lines, identity last', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', 400],
      ['two lines, both chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 400],
      ['two lines, one empty', 'Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n', 400],
      ['space before the colon', 'Transfer-Encoding : chunked\r\n', 400],
      ['tab before the colon', 'Transfer-Encoding\t: chunked\r\n', 400],
      ['space in the name', 'Transfer Encoding: chunked\r\n', 400],
      ['NUL in the name', 'Transfer-Encoding\0: chunked\r\n', 400],
      ['line feed before the name', 'X-A: 1\nTransfer-Encoding: chunked\r\n', 400],
      ['vertical tab', 'Transfer-Encoding: \x0bchunked\r\n', 400],
      ['form feed', 'Transfer-Encoding: \x0cchunked\r\n', 400],
      ['NUL', 'Transfer-Encoding: chunked\0\r\n', 400],
      ['carriage return', 'Transfer-Encoding: \rchunked\r\n', 400],
      ['folded', 'Transfer-Encoding:\r\n chunked\r\n', 400],
      ['folded in the middle', 'Transfer-Encoding: chun\r\n ked\r\n', 400],
      ['folded behind', 'Transfer-Encoding: chunked\r\n , identity\r\n', 400],
      ['no-break space', 'Transfer-Encoding: \xa0chunked\r\n', 501],
    ] as const
  ).map(([name, lines, status]) => refused(`TE: ${name}`, post(lines, LAST), status)),
  brokenOff('TE: a tab behind', post('Transfer-Encoding: chunked\t\r\n', LAST)),
  ...(
    [
      ['upper case', 'Transfer-Encoding: CHUNKED\r\n'],
      ['odd letter case', 'tRANSFER-eNCODING: cHuNkEd\r\n'],
      ['a tab before', 'Transfer-Encoding:\tchunked\r\n'],
      ['a space behind', 'Transfer-Encoding: chunked \r\n'],
      ['no space before', 'Transfer-Encoding:chunked\r\n'],
    ] as const
  ).map(([name, lines]) => forwarded(`TE: ${name}`, post(lines, LAST), seenEmpty)),
  forwarded(
    'TE: an underscore in the name is another header',
    post('Transfer_Encoding: chunked\r\n'),
    seen('POST', '/x', { lines: ['Transfer_encoding: chunked'] }),
  ),
  refused('TE: HTTP/1.0', `POST /x HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${LAST}`),
  refused(
    'TE: HTTP/1.0 with keep-alive',
    `POST /x HTTP/1.0\r\n${HOST}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n${LAST}`,
  ),
  refused(
    'TE: HTTP/1.0 with a length',
    `POST /x HTTP/1.0\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${LAST}`,
  ),
  forwarded(
    'TE: GET without a body',
    get('Transfer-Encoding: chunked\r\n') + LAST,
    seen('GET', '/x', { chunked: true }),
  ),
  forwarded(
    'TE: GET with a body',
    `${get('Transfer-Encoding: chunked\r\n')}5\r\nhello\r\n${LAST}`,
    seen('GET', '/x', { body: 'hello', chunked: true }),
  ),
  forwarded(
    'TE: HEAD with a body',
    `HEAD /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n${LAST}`,
    seen('HEAD', '/x', { body: 'hello', chunked: true }),
  ),
]

export const framingCases: readonly HostileCase[] = [...both, ...hiddenRequests, ...lengths, ...codings]
