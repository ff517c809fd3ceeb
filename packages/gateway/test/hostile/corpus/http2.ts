import { seen, type Seen } from './case.ts'
import { dataFrame, headersFrames, paddedDataFrame, type Field } from '../support/http2-client.ts'

/** What a client sends on stream 1 of HTTP/2, and what must become of it. */
export interface Http2Case {
  readonly name: string
  readonly bytes: Buffer
  /** What the upstream must have seen; null: nothing. */
  readonly seen: Seen | null
  /** The upstream may see the beginning of it, though never all. */
  readonly breaksOff: boolean
  /** The stream is reset, and whether the upstream sees the request is left to chance. */
  readonly reset: boolean
}

const GET: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'client.test'],
  [':path', '/x'],
]
const POST: readonly Field[] = [[':method', 'POST'], ...GET.slice(1)]

/** A request without some pseudo header fields, with others in their place. */
const but = (fields: readonly Field[], base: readonly Field[] = GET): Field[] => [
  ...fields,
  ...base.filter(([name]) => !fields.some(([other]) => other === name)),
]

const headers = (fields: readonly Field[]): Buffer => headersFrames(1, fields, true)
const withBody = (fields: readonly Field[], ...frames: readonly Buffer[]): Buffer =>
  Buffer.concat([headersFrames(1, fields, false), ...frames])
const data = (text: string, end = true): Buffer => dataFrame(1, text, end)

const CASE = { seen: null, breaksOff: false, reset: false } as const
const refused = (name: string, bytes: Buffer): Http2Case => ({ ...CASE, name, bytes })
const brokenOff = (name: string, bytes: Buffer): Http2Case => ({ ...CASE, name, bytes, breaksOff: true })
const forwarded = (name: string, bytes: Buffer, there: Seen): Http2Case => ({ ...CASE, name, bytes, seen: there })

const seenGet = seen('GET', '/x')
const seenBody = (body: string): Seen => seen('POST', '/x', { body, chunked: true })

/** Headers of a connection, which would frame the HTTP/1.1 message anew (RFC 9113, section 8.2.2). */
const connectionHeaders: Http2Case[] = [
  ['transfer-encoding', 'chunked'],
  ['transfer-encoding', 'identity'],
  ['transfer-encoding', ''],
  ['connection', 'keep-alive'],
  ['connection', 'x-a'],
  ['keep-alive', 'timeout=5'],
  ['proxy-connection', 'keep-alive'],
  ['upgrade', 'websocket'],
  ['te', 'gzip'],
  ['te', 'trailers, chunked'],
].map(([name, value]) =>
  refused(`${name}: ${value}`, withBody([...POST, [name as string, value as string]], data('0\r\n\r\n'))),
)

const lengths: Http2Case[] = [
  brokenOff('content-length above the data', withBody([...POST, ['content-length', '8']], data('hello'))),
  brokenOff('content-length below the data', withBody([...POST, ['content-length', '3']], data('hello'))),
  {
    ...forwarded(
      'content-length below the data of two frames',
      withBody([...POST, ['content-length', '5']], data('hello', false), data('GET /smuggled HTTP/1.1\r\n\r\n')),
      seen('POST', '/x', { body: 'hello' }),
    ),
    breaksOff: true,
    reset: true,
  },
  refused('content-length without data', headers([...POST, ['content-length', '5']])),
  {
    ...forwarded(
      'content-length: 0 with data',
      withBody([...POST, ['content-length', '0']], data('hello')),
      seen('POST', '/x'),
    ),
    reset: true,
  },
  ...['+5', '-5', '0x5', '5, 5', '5 5', '', 'five', '18446744073709551621', '5.0'].map((length) =>
    refused(`content-length: ${length}`, withBody([...POST, ['content-length', length]], data('hello'))),
  ),
  refused(
    'two different lengths',
    withBody([...POST, ['content-length', '5'], ['content-length', '6']], data('hello')),
  ),
  refused('two equal lengths', withBody([...POST, ['content-length', '5'], ['content-length', '5']], data('hello'))),
  forwarded(
    'a length that is right',
    withBody([...POST, ['content-length', '5']], data('hello')),
    seen('POST', '/x', { body: 'hello' }),
  ),
  forwarded('content-length: 0', withBody([...POST, ['content-length', '0']], data('')), seen('POST', '/x')),
]

const bodies: Http2Case[] = [
  forwarded('a body without a length', withBody(POST, data('hel', false), data('lo')), seenBody('hello')),
  forwarded(
    'a body that looks like chunks',
    withBody(POST, data('0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n')),
    seenBody('0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n'),
  ),
  forwarded('an empty body', withBody(POST, data('')), seenBody('')),
  forwarded(
    'empty frames in a body',
    withBody(POST, data('hel', false), data('', false), data('lo', false), data('')),
    seenBody('hello'),
  ),
  forwarded('padding', withBody(POST, paddedDataFrame(1, 'hello', 200, true)), seenBody('hello')),
  forwarded('a body of GET', withBody(GET, data('hello')), seen('GET', '/x', { body: 'hello', chunked: true })),
  forwarded('trailers', withBody(POST, data('hello', false), headersFrames(1, [['x-t', '1']], true)), {
    ...seenBody('hello'),
    trailers: ['X-T: 1'],
  }),
  forwarded(
    'framing in trailers',
    withBody(
      POST,
      data('hello', false),
      headersFrames(
        1,
        [
          ['host', 'evil'],
          ['authorization', 'evil'],
          ['x-t', '1'],
        ],
        true,
      ),
    ),
    { ...seenBody('hello'), trailers: ['X-T: 1'] },
  ),
  brokenOff(
    'a coding in trailers',
    withBody(POST, data('hello', false), headersFrames(1, [['transfer-encoding', 'chunked']], true)),
  ),
  brokenOff(
    'a length in trailers',
    withBody(POST, data('hello', false), headersFrames(1, [['content-length', '9']], true)),
  ),
  forwarded(
    'a line end in trailers is left out',
    withBody(
      POST,
      data('hello', false),
      headersFrames(
        1,
        [
          ['x-t', '1'],
          ['x-u', '1\r\nx-evil: 1'],
        ],
        true,
      ),
    ),
    { ...seenBody('hello'), trailers: ['X-T: 1'] },
  ),
  brokenOff(
    'a pseudo header in trailers',
    withBody(POST, data('hello', false), headersFrames(1, [[':path', '/evil']], true)),
  ),
  brokenOff(
    'trailers that do not end the stream',
    withBody(POST, data('hello', false), headersFrames(1, [['x-t', '1']], false)),
  ),
]

const pseudoHeaders: Http2Case[] = [
  ...(
    [
      ['no :method', GET.slice(1)],
      ['no :scheme', GET.filter(([name]) => name !== ':scheme')],
      ['no :path', GET.slice(0, 3)],
      ['two :method', [[':method', 'GET'], ...POST]],
      ['two :path', [...GET, [':path', '/y']]],
      ['two :authority', [...GET, [':authority', 'other.test']]],
      ['two :scheme', [...GET, [':scheme', 'https']]],
      ['an unknown one', [...GET, [':evil', '1']]],
      ['one of an answer', [...GET, [':status', '200']]],
      ['one behind a header', [['x-a', '1'], ...GET]],
      ['one in upper case', but([[':PATH', '/x']], GET.slice(0, 3))],
      [':path empty', but([[':path', '']])],
      [':path without a slash', but([[':path', 'x']])],
      [':path in absolute form', but([[':path', 'http://evil.test/x']])],
      [
        ':path in absolute form of another scheme',
        but([
          [':path', 'http://evil.test/x'],
          [':scheme', 'foo'],
        ]),
      ],
      [
        ':path without a slash in another scheme',
        but([
          [':path', 'x'],
          [':scheme', 'foo'],
        ]),
      ],
      [':path an asterisk', but([[':path', '*']])],
      [':path with a space', but([[':path', '/x HTTP/1.1']])],
      [':path with a request', but([[':path', '/x HTTP/1.1\r\nHost: evil\r\n\r\nGET /smuggled']])],
      [':path with a line feed', but([[':path', '/x\n']])],
      [':path with a carriage return', but([[':path', '/x\r']])],
      [':path with NUL', but([[':path', '/x\0']])],
      [':path with a tab', but([[':path', '/x\ty']])],
      [':path with DEL', but([[':path', '/x\x7f']])],
      [':path with a fragment', but([[':path', '/x#f']])],
      [':path with an escape that is none', but([[':path', '/x%zz']])],
      [':method empty', but([[':method', '']])],
      [':method with a space', but([[':method', 'GET /evil HTTP/1.1']])],
      [':method with a line end', but([[':method', 'GET\r\nX']])],
      [':authority with a line end', but([[':authority', 'a\r\nX-Evil: 1']])],
      [':authority with a space', but([[':authority', 'a b']])],
      [':authority with user information', but([[':authority', 'user@client.test']])],
      [':authority with a path', but([[':authority', 'client.test/x']])],
      [':scheme with a line end', but([[':scheme', 'http\r\nX']])],
      [
        'CONNECT',
        [
          [':method', 'CONNECT'],
          [':authority', 'client.test:80'],
        ],
      ],
      ['CONNECT with a path', but([[':method', 'CONNECT']])],
      ['extended CONNECT', [...but([[':method', 'CONNECT']]), [':protocol', 'websocket']]],
    ] as const
  ).map(([name, fields]) => refused(`pseudo header: ${name}`, headers(fields as readonly Field[]))),
  forwarded('pseudo header: a query', headers(but([[':path', '/x?a=%0d%0a']])), seen('GET', '/x?a=%0d%0a')),
  forwarded(
    'pseudo header: a method in lower case is another method',
    headers(but([[':method', 'PURGE']])),
    seen('PURGE', '/x'),
  ),
]

const hosts: Http2Case[] = [
  refused('host: other than :authority', headers([...GET, ['host', 'evil.test']])),
  refused(
    'host: two of them',
    headers([...GET.filter(([name]) => name !== ':authority'), ['host', 'a.test'], ['host', 'b.test']]),
  ),
  refused(
    'host: with a line end',
    headers([...GET.filter(([name]) => name !== ':authority'), ['host', 'a\r\nX-Evil: 1']]),
  ),
  forwarded('host: the same as :authority', headers([...GET, ['host', 'client.test']]), seenGet),
  forwarded(
    'host: without :authority',
    headers([...GET.filter(([name]) => name !== ':authority'), ['host', 'client.test']]),
    seenGet,
  ),
]

const fields: Http2Case[] = [
  ...(
    [
      ['a value with a line end', ['x-a', 'a\r\nX-Evil: 1']],
      ['a value with a line feed', ['x-a', 'a\nX-Evil: 1']],
      ['a value with a carriage return', ['x-a', 'a\rb']],
      ['a value with NUL', ['x-a', 'a\0b']],
      ['a value with a control character', ['x-a', 'a\x01b']],
      ['an empty name', ['', '1']],
      ['a name with a space', ['x a', '1']],
      ['a name with a colon', ['x-a: 1\r\nx-b', '1']],
      ['a name with a colon behind', ['x-a:', '1']],
      ['a name with a line end', ['x\r\ny', '1']],
      ['a name with NUL', ['x\0a', '1']],
      ['a name with a byte above 0x7f', ['x\xe9', '1']],
    ] as const
  ).map(([name, field]) =>
    forwarded(
      `field: ${name} is left out`,
      headers([...GET, field, ['x-b', '2']]),
      seen('GET', '/x', { lines: ['X-B: 2'] }),
    ),
  ),
  refused('field: a name in upper case', headers([...GET, ['X-A', '1']])),
  forwarded(
    'field: te: trailers',
    headers([...GET, ['te', 'trailers']]),
    seen('GET', '/x', { lines: ['Te: trailers'] }),
  ),
  forwarded(
    'field: cookies in pieces',
    headers([...GET, ['cookie', 'a=1'], ['x-a', '1'], ['cookie', 'b=2']]),
    seen('GET', '/x', { lines: ['X-A: 1', 'Cookie: a=1; b=2'] }),
  ),
  forwarded(
    'field: one name several times',
    headers([...GET, ['x-a', '1'], ['x-a', '2']]),
    seen('GET', '/x', { lines: ['X-A: 1', 'X-A: 2'] }),
  ),
  forwarded(
    'field: bytes above 0x7f',
    headers([...GET, ['x-a', '\x80\xff']]),
    seen('GET', '/x', { lines: ['X-A: \x80\xff'] }),
  ),
  forwarded(
    'field: names that mean something to JavaScript',
    headers([...GET, ['__proto__', '1'], ['constructor', '2']]),
    seen('GET', '/x', { lines: ['__proto__: 1', 'Constructor: 2'] }),
  ),
  forwarded('field: x-tyk-internal', headers([...GET, ['x-tyk-internal', '1']]), seenGet),
  forwarded(
    'field: names of headers of a hop',
    headers([...GET, ['trailer', 'x-t'], ['proxy-authorization', 'a'], ['x-a', '1']]),
    seen('GET', '/x', { lines: ['X-A: 1'] }),
  ),
  refused('field: 12,000 of them', headers([...GET, ...Array.from({ length: 12_000 }, (): Field => ['x-a', '1'])])),
  refused(
    'field: 2 MB of them',
    headers([...GET, ...Array.from({ length: 40 }, (): Field => ['x-a', 'a'.repeat(50_000)])]),
  ),
]

const streams: Http2Case[] = [
  refused('a stream of an even number', headersFrames(2, GET, true)),
  refused('stream 0', headersFrames(0, GET, true)),
  refused('data without a request', data('hello')),
  brokenOff('data behind the end', Buffer.concat([withBody(POST, data('hello', false)), headersFrames(1, GET, false)])),
]

export const http2Cases: readonly Http2Case[] = [
  ...connectionHeaders,
  ...lengths,
  ...bodies,
  ...pseudoHeaders,
  ...hosts,
  ...fields,
  ...streams,
]
