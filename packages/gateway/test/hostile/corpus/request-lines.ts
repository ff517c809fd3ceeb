import { answered, forwarded, forwardedLast, get, HOST, refused, seen } from './case.ts'
import type { HostileCase } from './case.ts'

const line = (text: string): string => `${text}\r\n${HOST}\r\n`
const to = (target: string): string => get('', target)
const seenAt = (target: string): ReturnType<typeof seen> => seen('GET', target)

const targets: HostileCase[] = [
  ...(
    [
      ['a space', '/x y'],
      ['a tab', '/x\ty'],
      ['NUL', '/x\0y'],
      ['a control character', '/x\x01y'],
      ['a control character in the query', '/x?\x01'],
      ['DEL', '/x\x7fy'],
      ['a bare carriage return', '/x\ry'],
      ['a bare line feed', '/x\ny'],
      ['UTF-8 as it is', '/x\xc3\xa9'],
      ['UTF-8 as it is in the query', '/x?\xc3\xa9'],
      ['a fragment', '/x#f'],
      ['a fragment behind a query', '/x?a#f'],
      ['an escape that is none', '/x%zz'],
      ['half an escape', '/x%a'],
      ['no slash', 'x'],
      ['a query alone', '?x'],
      ['more behind an asterisk', '*x'],
      ['a host and port', 'client.test:80'],
      ['a fragment in absolute form', 'http://client.test/x#f'],
      ['another scheme', 'ftp://client.test/x'],
      ['a scheme without slashes', 'http:client.test'],
      ['no host in absolute form', 'http:///x'],
      ['user information in absolute form', 'http://user@client.test/x'],
      ['a host in absolute form that is none', 'http://a<b>/x'],
      ['a space in absolute form', 'http://client.test /x'],
    ] as const
  ).map(([name, target]) => refused(`target: ${name}`, to(target))),
  ...(
    [
      ['an escaped line end', '/x%0d%0aX-Evil:%201', '/x%0d%0aX-Evil:%201'],
      ['an escaped NUL', '/x%00y', '/x%00y'],
      ['an escaped slash', '/x%2fy', '/x%2fy'],
      ['a backslash', '/x\\y', '/x%5Cy'],
      ['quotes and brackets in the query', '/x?a"<>\\^`{|}', '/x?a"<>\\^`{|}'],
      ['an escape in the query that is none', '/x?%zz', '/x?%zz'],
      ['a request in the query', '/x?%20HTTP/1.1%0d%0a', '/x?%20HTTP/1.1%0d%0a'],
      ['a question mark at the end', '/x?', '/x?'],
      ['absolute form', 'http://client.test/x?a', '/x?a'],
      ['absolute form of another host', 'http://other.test:1/x', '/x'],
      ['absolute form with https', 'HTTPS://client.test/x', '/x'],
      ['absolute form without a path', 'http://client.test', '/'],
      ['absolute form with a query alone', 'http://client.test?a', '/?a'],
    ] as const
  ).map(([name, target, there]) => forwarded(`target: ${name}`, to(target), seenAt(there))),
  refused('target: absolute form without a Host line', 'GET http://client.test/x HTTP/1.1\r\n\r\n'),
]

const separators: HostileCase[] = [
  refused('request line: no target', line('GET HTTP/1.1')),
  refused('request line: a tab behind the method', line('GET\t/x HTTP/1.1')),
  refused('request line: a tab before the version', line('GET /x\tHTTP/1.1')),
  refused('request line: a space behind the version', line('GET /x HTTP/1.1 ')),
  refused('request line: more behind the version', line('GET /x HTTP/1.1 HTTP/1.1')),
  refused('request line: a leading space', ` ${get()}`),
  refused('request line: a leading NUL', `\0${get()}`),
  refused('request line: a leading tab', `\t${get()}`),
  refused('request line: a leading byte order mark', `\xef\xbb\xbf${get()}`),
  forwarded('request line: two spaces', line('GET  /x HTTP/1.1'), seenAt('/x')),
  forwarded('request line: two spaces before the version', line('GET /x  HTTP/1.1'), seenAt('/x')),
  forwarded('request line: empty lines before', `\r\n\r\n${get()}`, seenAt('/x')),
]

const versions: HostileCase[] = [
  refused('HTTP/0.9: a line alone', 'GET /x\r\n'),
  refused('HTTP/0.9: a line and an empty one', 'GET /x\r\n\r\n', 505),
  refused('HTTP/0.9: written out', line('GET /x HTTP/0.9'), 505),
  ...[
    'HTTP/1.2',
    'HTTP/3.0',
    'HTTP/2',
    'HTTP/1',
    'HTTP/1.',
    'HTTP/.1',
    'HTTP/1.10',
    'HTTP/01.1',
    'HTTP/1,1',
    'http/1.1',
    'Http/1.1',
    'HTTPS/1.1',
    'HTTP /1.1',
    'HTTP/ 1.1',
    'HTTP/1.1x',
    'HTP/1.1',
  ].map((version) => refused(`version: ${version}`, line(`GET /x ${version}`))),
  refused('version: HTTP/2.0 in text', line('GET /x HTTP/2.0'), 505),
  refused('version: half a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'),
  refused('version: PRI for something else', line('PRI /x HTTP/1.1')),
  refused('version: RTSP', line('DESCRIBE /x RTSP/1.0')),
  refused('version: a method of RTSP in HTTP', line('SETUP /x HTTP/1.1')),
  refused('version: GET of ICE', line('GET /x ICE/1.0')),
  forwardedLast('version: HTTP/1.0', line('GET /x HTTP/1.0'), seenAt('/x')),
  forwarded(
    'version: HTTP/1.0 with keep-alive',
    `GET /x HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`,
    seenAt('/x'),
  ),
]

const methods: HostileCase[] = [
  ...['get', 'Get', 'GE', 'GETS', 'G!T', 'GET/', '(GET)', 'FOO', 'G\xc9T', '"GET"', '-', 'A'.repeat(10_000)].map(
    (method) => refused(`method: ${method.slice(0, 10)}`, line(`${method} /x HTTP/1.1`)),
  ),
  refused('method: none', line(' /x HTTP/1.1')),
  answered('the asterisk form', line('OPTIONS * HTTP/1.1'), 404),
  answered('the asterisk form of another method', line('GET * HTTP/1.1'), 404),
  refused('CONNECT with a host and port', `CONNECT client.test:80 HTTP/1.1\r\n${HOST}\r\n`, 405),
  refused('CONNECT with a path', `CONNECT /x HTTP/1.1\r\n${HOST}\r\n`, 405),
  refused('CONNECT with a body', `CONNECT client.test:80 HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`, 405),
  ...['PURGE', 'TRACE', 'M-SEARCH', 'OPTIONS'].map((method) =>
    forwarded(`method: ${method}`, line(`${method} /x HTTP/1.1`), seen(method, '/x')),
  ),
]

export const requestLineCases: readonly HostileCase[] = [...targets, ...separators, ...versions, ...methods]
