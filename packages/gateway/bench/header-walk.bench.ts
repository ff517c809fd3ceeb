// What do the headers of a request and of an answer cost: canonical names with and without the remembered ones, the
// answer's lines, what they say about its length, and which end at the connection?
// Run: node --conditions=source bench/header-walk.bench.ts
import { compare } from '../../../bench/lib/compare.ts'
import { canonicalHeaderName, headerListFromRaw } from '../src/chain/headers.ts'
import { isHopByHop } from '../src/proxy/hop-by-hop.ts'
import { ResponseParser } from '../src/proxy/http1/response-parser.ts'

const REQUEST_NAMES = [
  ['as HTTP/1.1 clients spell them', (name: string) => name],
  ['in lower case', (name: string) => name.toLowerCase()],
] as const
const REQUEST = [
  ['Host', 'gateway.test'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['Accept-Language', 'en-US,en;q=0.5'],
  ['Accept-Encoding', 'gzip, deflate, br'],
  ['Authorization', 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmb28ifQ.c2lnbmF0dXJl'],
  ['Connection', 'keep-alive'],
  ['Cache-Control', 'no-cache'],
  ['X-Request-Id', '6f1b2c3d4e5f'],
  ['X-Forwarded-For', '203.0.113.7'],
] as const

const HEAD = Buffer.from(
  [
    'HTTP/1.1 200 OK',
    'Server: nginx/1.27.0',
    'Date: Sat, 28 Nov 2026 10:00:00 GMT',
    'Content-Type: application/json; charset=utf-8',
    'Content-Length: 0',
    'Connection: keep-alive',
    'Cache-Control: private, max-age=0, must-revalidate',
    'ETag: W/"5e189590801287e42a6cf5ce"',
    'Vary: Accept-Encoding, Origin',
    'X-Request-Id: 6f1b2c3d4e5f',
    'Strict-Transport-Security: max-age=31536000',
    'Set-Cookie: session=0123456789abcdef; Path=/; HttpOnly',
    'X-Content-Type-Options: nosniff',
    '',
    '',
  ].join('\r\n'),
)

/** A name as each request brings it: text of its own, whose hash nobody has computed. */
const ownText = (bytes: Buffer): string => bytes.toString('latin1')

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const made = (name: string): string =>
  TOKEN.test(name) ? name.toLowerCase().replace(/(^|-)([a-z])/g, (match) => match.toUpperCase()) : name

for (const [kind, spell] of REQUEST_NAMES) {
  const names = REQUEST.map(([name]) => Buffer.from(spell(name)))
  const each = (use: (name: string) => string) => (): number => {
    let units = 0
    for (let i = 0; i < names.length; i++) units += use(ownText(names[i] as Buffer)).length
    return units
  }
  const raw = REQUEST.map(([name, value]) => [Buffer.from(spell(name)), value] as const)
  compare(`${REQUEST.length} names of a request, ${kind}`, [
    { name: 'canonicalHeaderName', run: each(canonicalHeaderName) },
    { name: 'made anew', run: each(made) },
    { name: 'their texts alone', run: each((name) => name) },
    { name: 'headerListFromRaw', run: () => headerListFromRaw(raw.flatMap(([name, value]) => [ownText(name), value])) },
  ])
}

let headers: string[] = []
const parser = new ResponseParser({
  onHead: (_, received) => void (headers = received),
  onBody: () => {},
  onComplete: () => {},
})
const parse = (): string[] => {
  parser.begin('GET')
  parser.push(HEAD)
  return headers
}

const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|$)/

function splitLines(text: string): string[] {
  if (CONTROL.test(text)) throw new Error('control character')
  const flat: string[] = []
  for (const line of text.split('\r\n').slice(1, -2)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    if (!TOKEN.test(name)) throw new Error('bad name')
    flat.push(name, line.slice(colon + 1).trim())
  }
  return flat
}

compare(`the head of an answer, ${HEAD.length} bytes, 12 lines`, [
  { name: 'ResponseParser', run: parse },
  { name: 'split, trim, regular expressions', run: () => splitLines(ownText(HEAD)) },
  { name: 'its text alone', run: () => ownText(HEAD) },
])

const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection'])
const LENGTHS = new Set([14, 17, 10])
const received = parse()
const found = (isFraming: (name: string) => boolean) => (): number => {
  let count = 0
  for (let i = 0; i < received.length; i += 2) if (isFraming(received[i] as string)) count++
  return count
}
compare('the lines of it that frame the body', [
  { name: 'length first', run: found((name) => LENGTHS.has(name.length) && FRAMING.has(name.toLowerCase())) },
  { name: 'every name in lower case', run: found((name) => FRAMING.has(name.toLowerCase())) },
])

const HOP_BY_HOP = new Set(
  'Te Trailer Upgrade Connection Keep-Alive Proxy-Connection Transfer-Encoding Proxy-Authenticate Proxy-Authorization'.split(
    ' ',
  ),
)
const canonical = received.filter((_, i) => i % 2 === 0).map((name) => canonicalHeaderName(name))
const ended = (ends: (name: string) => boolean) => (): number => {
  let count = 0
  for (let i = 0; i < canonical.length; i++) if (ends(canonical[i] as string)) count++
  return count
}
compare('the lines of it that end at the connection', [
  { name: 'isHopByHop', run: ended(isHopByHop) },
  { name: 'a set', run: ended((name) => HOP_BY_HOP.has(name)) },
])
