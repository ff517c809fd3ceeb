import { forwarded, forwardedLast, get, HOST, refused, seen, SMUGGLED } from './case.ts'
import type { HostileCase } from './case.ts'

const seenLines = (...lines: string[]): ReturnType<typeof seen> => seen('GET', '/x', { lines })

const ends: HostileCase[] = [
  ['a bare line feed behind the request line', `GET /x HTTP/1.1\n${HOST}\r\n`],
  ['a bare line feed behind a header', 'GET /x HTTP/1.1\r\nHost: client.test\nX-A: 1\r\n\r\n'],
  ['bare line feeds everywhere', 'GET /x HTTP/1.1\nHost: client.test\n\n'],
  ['a bare line feed at the end', `GET /x HTTP/1.1\r\n${HOST}\n`],
  ['a line feed and a line end at the end', `GET /x HTTP/1.1\r\n${HOST}X-A: 1\n\r\n`],
  ['a bare carriage return behind the request line', `GET /x HTTP/1.1\r${HOST}\r\n`],
  ['two carriage returns behind the request line', `GET /x HTTP/1.1\r\r\n${HOST}\r\n`],
  ['a bare carriage return in a value', get('X-A: a\rb\r\n')],
  ['a bare carriage return before a name', get('X-A: a\rX-B: b\r\n')],
  ['a carriage return at the end of a value', get('X-A: a\r\r\n')],
  ['a carriage return in a name', get('X\r-A: a\r\n')],
  ['a line feed in a name', get('X\n-A: a\r\n')],
  ['a request behind a bare line feed', get(`X-A: a\n\n${SMUGGLED}`)],
  ['a request behind bare carriage returns', get(`X-A: a\r\r${SMUGGLED}`)],
].map(([name, bytes]) => refused(`line end: ${name}`, bytes as string))

const controls: HostileCase[] = [
  ...Array.from({ length: 0x20 }, (_, code) => code)
    .filter((code) => code !== 0x09 && code !== 0x0a && code !== 0x0d)
    .flatMap((code) => {
      const byte = String.fromCharCode(code)
      const name = `0x${code.toString(16).padStart(2, '0')}`
      return [
        refused(`control: ${name} in a value`, get(`X-A: a${byte}b\r\n`)),
        refused(`control: ${name} in a name`, get(`X${byte}A: a\r\n`)),
      ]
    }),
  refused('control: DEL in a value', get('X-A: a\x7fb\r\n')),
  refused('control: DEL in a name', get('X\x7fA: a\r\n')),
  forwarded('bytes above 0x7f in a value', get('X-A: \x80\xe9\xff\r\n'), seenLines('X-A: \x80\xe9\xff')),
  forwarded('a tab in a value', get('X-A: a\tb\r\n'), seenLines('X-A: a\tb')),
]

const names: HostileCase[] = [
  ['a space before the colon', 'X-A : a\r\n'],
  ['a tab before the colon', 'X-A\t: a\r\n'],
  ['a space', 'X A: a\r\n'],
  ['empty', ': a\r\n'],
  ['no colon', 'XA\r\n'],
  ['a byte above 0x7f', 'X\xe9A: a\r\n'],
  ['a name of HTTP/2', ':path: /evil\r\n'],
  ...['(', ')', '<', '>', '@', ',', ';', '\\', '"', '/', '[', ']', '?', '=', '{', '}'].map((byte) => [
    byte,
    `X${byte}A: a\r\n`,
  ]),
].map(([name, line]) => refused(`name: ${name}`, get(line)))

const folds: HostileCase[] = [
  refused('fold: a space', get('X-A: a\r\n b\r\n')),
  refused('fold: a tab', get('X-A: a\r\n\tb\r\n')),
  refused('fold: an empty value', get('X-A:\r\n b\r\n')),
  refused('fold: a blank line', get('X-A: a\r\n \r\n')),
  refused('fold: a header in it', get('X-A: a\r\n Content-Length: 5\r\n')),
  refused('fold: behind the request line', `GET /x HTTP/1.1\r\n ${HOST}\r\n`),
  refused('fold: a tab behind the request line', `GET /x HTTP/1.1\r\n\t${HOST}\r\n`),
  refused('fold: another header behind the request line', `GET /x HTTP/1.1\r\n X-A: 1\r\n${HOST}\r\n`),
]

const values: HostileCase[] = [
  forwarded('value: empty', get('X-A:\r\nX-B: \r\n'), seenLines('X-A: ', 'X-B: ')),
  forwarded(
    'value: colons and a request',
    get('X-A: a: b\r\nX-B: GET /y HTTP/1.1\r\n'),
    seenLines('X-A: a: b', 'X-B: GET /y HTTP/1.1'),
  ),
  forwarded('value: blanks around', get('X-A:  \t a b \t \r\n'), seenLines('X-A: a b')),
  forwarded('name: every other character', get("X!#$%&'*+-.^_`|~9: a\r\n"), seenLines("X!#$%&'*+-.^_`|~9: a")),
  forwarded(
    'name: one that means something to JavaScript',
    get('__proto__: a\r\nconstructor: b\r\n'),
    seenLines('__proto__: a', 'Constructor: b'),
  ),
  forwarded(
    'lines of one name stay apart',
    get('X-A: 1\r\nx-a: 2\r\nX-B: 3\r\nX-A: 4\r\n'),
    seenLines('X-A: 1', 'X-A: 2', 'X-B: 3', 'X-A: 4'),
  ),
]

const hosts: HostileCase[] = [
  refused('host: none', 'GET /x HTTP/1.1\r\nX-A: 1\r\n\r\n'),
  refused('host: twice, equal', 'GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'),
  refused('host: twice, different', 'GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nhost: b\r\n\r\n'),
  ...(
    [
      ['a space', 'a b'],
      ['a tab', 'a\tb'],
      ['user information', 'user@a'],
      ['a path', 'a/b'],
      ['a query', 'a?b'],
      ['a fragment', 'a#b'],
      ['a backslash', 'a\\b'],
      ['quotes', '"a"'],
      ['brackets', '<a>'],
      ['a byte above 0x7f', 'a\xe9'],
    ] as const
  ).map(([name, host]) => refused(`host: ${name}`, `GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`)),
  ...(
    [
      ['empty', ''],
      ['an IPv6 address', '[::1]:8080'],
      ['a trailing dot', 'a.test.'],
      ['percent and underscore', 'a_b%41'],
    ] as const
  ).map(([name, host]) => forwarded(`host: ${name}`, `GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`, seen('GET', '/x'))),
  forwardedLast('host: none in HTTP/1.0', 'GET /x HTTP/1.0\r\nX-A: 1\r\n\r\n', seenLines('X-A: 1')),
]

export const lineCases: readonly HostileCase[] = [...ends, ...controls, ...names, ...folds, ...values, ...hosts]
