import { brokenOff, chunked, forwarded, forwardedLast, halfClosed, seen, seenEmpty, SMUGGLED } from './case.ts'
import type { HostileCase } from './case.ts'

const seenChunks = seen('POST', '/x', { body: 'hello', chunked: true })

/** A body of one chunk whose size line is this. */
const sized = (size: string): string => chunked(`${size}\r\nhello\r\n0\r\n\r\n`)

const trailed = (trailers: string): string => chunked(`5\r\nhello\r\n0\r\n${trailers}\r\n`)

const sizes: HostileCase[] = [
  ...(
    [
      ['17 digits', '10000000000000005'],
      ['32 digits that end in 5', `${'f'.repeat(31)}5`],
      ['+5', '+5'],
      ['-5', '-5'],
      ['-0', '-0'],
      ['0x5', '0x5'],
      ['5h', '5h'],
      ['g', 'g'],
      ['5.0', '5.0'],
      ['5,5', '5,5'],
      ['5_', '5_'],
      ['empty', ''],
      ['only an extension', ';a=b'],
      ['a space before', ' 5'],
      ['a tab before', '\t5'],
      ['a space behind', '5 '],
      ['a tab behind', '5\t'],
      ['a space before the extension', '5 ;a=b'],
      ['a vertical tab behind', '5\x0b'],
      ['NUL behind', '5\0'],
      ['digits of another script', '\xd9\xa5'],
      ['an extension with a bare line feed', '5;a\nb'],
      ['an extension with a bare carriage return', '5;a\rb'],
      ['an extension with NUL', '5;a\0b'],
      ['an extension with a line end in quotes', '5;a="\r\nb"'],
      ['an extension of 20 kB', `5;${'a'.repeat(20_000)}`],
      ['a request in an extension', `5;\n${SMUGGLED}`],
    ] as const
  ).map(([name, size]) => brokenOff(`chunk size: ${name}`, sized(size))),
  halfClosed(brokenOff('chunk size: the largest there is', sized('ffffffffffffffff'))),
  ...(
    [
      ['leading zeros', `${'0'.repeat(40)}5`],
      ['an extension', '5;a'],
      ['an extension with a value', '5;a=b'],
      ['an extension with a quoted value', '5;a="b;c"'],
      ['an extension of 1 kB', `5;${'a'.repeat(1000)}`],
    ] as const
  ).map(([name, size]) => forwarded(`chunk size: ${name}`, sized(size), seenChunks)),
  forwarded(
    'chunk size: upper and lower case',
    chunked(`1A\r\n${'a'.repeat(26)}\r\n1b\r\n${'b'.repeat(27)}\r\n0\r\n\r\n`),
    seen('POST', '/x', { body: 'a'.repeat(26) + 'b'.repeat(27), chunked: true }),
  ),
  forwarded('chunk size: 00 is the last one', chunked('5\r\nhello\r\n00\r\n\r\n'), seenChunks),
  forwarded(
    'chunk size: an extension to each of a hundred',
    chunked(`${`1;${'a'.repeat(200)}\r\nx\r\n`.repeat(100)}0\r\n\r\n`),
    seen('POST', '/x', { body: 'x'.repeat(100), chunked: true }),
  ),
]

const ends: HostileCase[] = [
  ['no line end behind the data', '5\r\nhello0\r\n\r\n'],
  ['more data than the size says', '5\r\nhello world\r\n0\r\n\r\n'],
  ['less data than the size says', '6\r\nhello\r\n0\r\n\r\n'],
  ['a bare line feed behind the size', '5\nhello\r\n0\r\n\r\n'],
  ['a bare line feed behind the data', '5\r\nhello\n0\r\n\r\n'],
  ['bare line feeds everywhere', '5\nhello\n0\n\n'],
  ['bare line feeds behind the last chunk', '5\r\nhello\r\n0\n\n'],
  ['a bare line feed at the end', '5\r\nhello\r\n0\r\n\n'],
  ['bare carriage returns', '5\rhello\r0\r\r'],
  ['a bare carriage return at the end', '5\r\nhello\r\n0\r\n\rX'],
  ['an empty line before the size', '\r\n5\r\nhello\r\n0\r\n\r\n'],
  ['two bytes that are no line end', '2\r\nheXX0\r\n\r\n'],
].map(([name, body]) => brokenOff(`chunk: ${name}`, chunked(body as string)))

const trailers: HostileCase[] = [
  ...(
    [
      ['Content-Length', 'Content-Length: 5\r\n'],
      ['Transfer-Encoding', 'Transfer-Encoding: chunked\r\n'],
      ['a bare line feed', 'X-T: 1\n\r\n'],
      ['a bare carriage return', 'X-T: 1\r2\r\n'],
      ['a folded line', 'X-T: 1\r\n 2\r\n'],
      ['a space before the colon', 'X-T : 1\r\n'],
      ['a space in the name', 'X T: 1\r\n'],
      ['no colon', 'XT\r\n'],
      ['no name', ': 1\r\n'],
      ['NUL', 'X-T: 1\0\r\n'],
      ['a leading space', ' X-T: 1\r\n'],
    ] as const
  ).map(([name, lines]) => brokenOff(`trailer: ${name}`, trailed(lines))),
  ...(
    [
      ['Host', 'Host: evil\r\nX-T: 1\r\n'],
      ['Authorization and Cookie stay out and in', 'Authorization: a\r\nX-T: 1\r\n'],
      [
        'fields of the connection',
        'Connection: x\r\nKeep-Alive: 1\r\nTe: gzip\r\nTrailer: X\r\nUpgrade: x\r\nX-T: 1\r\n',
      ],
      ['fields of the proxy', 'Proxy-Connection: x\r\nProxy-Authorization: a\r\nX-T: 1\r\n'],
      [
        'fields of the content',
        'Content-Type: a/b\r\nContent-Encoding: gzip\r\nContent-Range: bytes 0-1/2\r\nX-T: 1\r\n',
      ],
      ['conditions', 'If-Match: *\r\nIf-None-Match: *\r\nX-T: 1\r\n'],
      ['Expect', 'Expect: 100-continue\r\nX-T: 1\r\n'],
    ] as const
  ).map(([name, lines]) => forwarded(`trailer: ${name}`, trailed(lines), { ...seenChunks, trailers: ['X-T: 1'] })),
  forwardedLast('trailer: Connection: close', trailed('Connection: close\r\nX-T: 1\r\n'), {
    ...seenChunks,
    trailers: ['X-T: 1'],
  }),
  forwarded('trailer: the same one twice', trailed('X-T: 1\r\nX-T: 2\r\n'), {
    ...seenChunks,
    trailers: ['X-T: 1', 'X-T: 2'],
  }),
  forwarded('trailer: 1 MB', trailed(`X-T: ${'a'.repeat(1_000_000)}\r\n`), {
    ...seenChunks,
    trailers: [`X-T: ${'a'.repeat(1_000_000)}`],
  }),
  brokenOff('trailer: 2 MB', trailed(`X-T: ${'a'.repeat(2_000_000)}\r\n`), 431),
  brokenOff('trailer: 2 MB in small ones', trailed('X-T: aaaaaaaaaaaa\r\n'.repeat(110_000)), 431),
]

const cut: HostileCase[] = [
  ['behind the head', ''],
  ['in the size', '1'],
  ['behind the size', '5\r\n'],
  ['in the data', '5\r\nhe'],
  ['behind the data', '5\r\nhello\r\n'],
  ['in the last chunk', '5\r\nhello\r\n0\r\n'],
  ['in a trailer', '5\r\nhello\r\n0\r\nX-T: 1'],
].map(([name, body]) => halfClosed(brokenOff(`cut ${name}`, chunked(body as string))))

export const chunkCases: readonly HostileCase[] = [
  ...sizes,
  ...ends,
  ...trailers,
  ...cut,
  forwarded('an empty chunked body', chunked('0\r\n\r\n'), seenEmpty),
]
