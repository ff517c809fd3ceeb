/** What a client may try over HTTP/1.1: each is either refused, or the upstream sees exactly what was meant. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { VERSION } from '../../src/version.ts'
import { keylessApi } from '../support/api.ts'
import { corpus } from './corpus/index.ts'
import { startObservedUpstream, type ObservedUpstream } from './support/observed-upstream.ts'
import { verify } from './support/verify.ts'

/** Above this, a case is not sent byte by byte. */
const SMALL_BYTES = 2_000

describe.each([
  ['direct', 'at once', undefined],
  ['direct', 'byte by byte', [1]],
  ['http-proxy', 'at once', undefined],
] as const)('on the lane %s, sent %s,', (lane, _, pieces) => {
  let upstream: ObservedUpstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startObservedUpstream()
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: {
        enable_analytics: false,
        upstream_transport: lane,
        http_server_options: { enable_websockets: true },
      },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  const groups = Object.entries(corpus).map(([about, cases]) => {
    const sent = pieces === undefined ? cases : cases.filter(({ bytes }) => bytes.length <= SMALL_BYTES)
    return [about, sent] as const
  })
  describe.each(groups.filter(([, sent]) => sent.length > 0))('%s:', (_about, sent) => {
    test.each(sent.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
      await verify(each, { port: gateway.port, upstream, userAgent: `Tyk/${VERSION}` }, pieces)
    })
  })

  test('the gateway is still the same process, and logged no failure of its own', () => {
    expect(gateway.program.output()).not.toMatch(/inside the gateway|Error:/)
  })
})
