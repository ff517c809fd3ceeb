/** `max_request_body_size` and what is left on the connection behind a body that is too large. */
import { afterAll, beforeAll, describe, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { VERSION } from '../../src/version.ts'
import { keylessApi } from '../support/api.ts'
import { answered, chunked, forwarded, get, post, refused, seen, SMUGGLED, type HostileCase } from './corpus/case.ts'
import { startObservedUpstream, type ObservedUpstream } from './support/observed-upstream.ts'
import { verify } from './support/verify.ts'

const LIMIT_BYTES = 64
const FULL = 'a'.repeat(LIMIT_BYTES)
const OVER = `${FULL}${SMUGGLED}`
const inChunks = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`

const cases: readonly HostileCase[] = [
  forwarded(
    'a body of the limit',
    post(`Content-Length: ${LIMIT_BYTES}\r\n`, FULL),
    seen('POST', '/x', { body: FULL }),
  ),
  forwarded('a chunked body of the limit', chunked(inChunks(FULL)), seen('POST', '/x', { body: FULL, chunked: true })),
  answered('a body above it is read and dropped', post(`Content-Length: ${OVER.length}\r\n`, OVER), 413),
  answered('so is one of GET', `${get(`Content-Length: ${OVER.length}\r\n`)}${OVER}`, 413),
  refused(
    'and one that would come after 100',
    post(`Expect: 100-continue\r\nContent-Length: ${OVER.length}\r\n`, OVER),
    413,
  ),
  refused('a body that is much too large', post('Content-Length: 1000000000\r\n', SMUGGLED), 413),
  refused('a chunked body above it', chunked(inChunks(OVER)), 413),
  refused('a chunked body above it in small chunks', chunked(`${'1\r\na\r\n'.repeat(LIMIT_BYTES + 1)}0\r\n\r\n`), 413),
  refused('a chunked body below it that is malformed', chunked('5\r\nhello\r\nx\r\n\r\n')),
  refused('CL+TE', post(`Content-Length: ${LIMIT_BYTES}\r\nTransfer-Encoding: chunked\r\n`, inChunks(FULL))),
]

describe.each(['direct', 'http-proxy'])('with a limit, on the lane %s,', (lane) => {
  let upstream: ObservedUpstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startObservedUpstream()
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: {
        enable_analytics: false,
        upstream_transport: lane,
        http_server_options: { max_request_body_size: LIMIT_BYTES },
      },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  test.each(cases.map((each) => [each.name, each] as const))('%s', async (_, each) => {
    await verify(each, { port: gateway.port, upstream, userAgent: `Tyk/${VERSION}` })
  })
})
