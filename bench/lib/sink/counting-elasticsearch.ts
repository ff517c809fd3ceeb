// An Elasticsearch that only counts, run as a program of its own. Arguments: the port. Takes bulk requests, looks at nothing
// in them but line breaks, and answers as if every document was stored. `GET /bench/counts` says what came since the last
// `GET /bench/reset?answer_after_ms=N`, which also says how long answers wait.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { createBulkAnswers } from './bulk-answer.ts'

export interface SinkCounts {
  readonly documents: number
  readonly bulks: number
  readonly bytes: number
  /** Documents of the bulk that came first: the time they took is not known. */
  readonly firstDocuments: number
  /** When the first bulk had been read and when the last one had, in milliseconds of one clock. */
  readonly firstMs: number
  readonly lastMs: number
  /** When the last answer was given. */
  readonly answeredMs: number
  /** Processor time of this server. */
  readonly cpuSeconds: number
}

const LINE_FEED = 0x0a
const HEADERS = { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' }
const WELCOME = JSON.stringify({
  version: { number: '8.19.0', build_flavor: 'default' },
  tagline: 'You Know, for Search',
})
const answers = createBulkAnswers()
const NOTHING = { documents: 0, bulks: 0, bytes: 0, firstDocuments: 0, firstMs: 0, lastMs: 0, answeredMs: 0 }
let counts = { ...NOTHING }
let cpuBefore = process.cpuUsage()
let answerAfterMs = 0

const server = createServer((request, response) => {
  const [path = '', query = ''] = (request.url ?? '').split('?')
  if (path === '/bench/reset') reset(Number(new URLSearchParams(query).get('answer_after_ms')))
  if (path.startsWith('/bench/')) return answerJson(response, JSON.stringify({ ...counts, cpuSeconds: cpuSeconds() }))
  if (path.endsWith('/_bulk')) return takeBulk(request, response, new URLSearchParams(query).get('filter_path'))
  request.resume()
  return answerJson(response, WELCOME)
})
server.keepAliveTimeout = 600_000
server.listen(Number(process.argv[2]), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))

function takeBulk(request: IncomingMessage, response: ServerResponse, filterPath: string | null): void {
  const zipped: Buffer[] | null = request.headers['content-encoding'] === 'gzip' ? [] : null
  let lines = 0
  request.on('data', (chunk: Buffer) => {
    counts.bytes += chunk.length
    if (zipped === null) lines += countLines(chunk)
    else zipped.push(chunk)
  })
  request.on('end', () => {
    if (zipped !== null) lines = countLines(gunzipSync(Buffer.concat(zipped)))
    count(lines / 2)
    const body = answers.answer(lines / 2, filterPath)
    if (answerAfterMs === 0) answerBulk(response, body)
    else setTimeout(() => answerBulk(response, body), answerAfterMs)
  })
}

function answerBulk(response: ServerResponse, body: Buffer): void {
  answerJson(response, body)
  counts.answeredMs = performance.now()
}

function count(documents: number): void {
  counts.lastMs = performance.now()
  if (counts.bulks === 0) {
    counts.firstMs = counts.lastMs
    counts.firstDocuments = documents
  }
  counts.bulks++
  counts.documents += documents
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++
  return lines
}

function answerJson(response: ServerResponse, body: string | Buffer): void {
  response.writeHead(200, { ...HEADERS, 'content-length': Buffer.byteLength(body) }).end(body)
}

function reset(afterMs: number): void {
  answerAfterMs = afterMs
  counts = { ...NOTHING }
  cpuBefore = process.cpuUsage()
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage(cpuBefore)
  return (user + system) / 1e6
}
