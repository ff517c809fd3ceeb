/** What a client may try over HTTP/2, where an HTTP/1.1 upstream must not see a request that was none. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { VERSION } from '../../src/version.ts'
import { keylessApi } from '../support/api.ts'
import { seenFollowUp } from './corpus/case.ts'
import { http2Cases } from './corpus/http2.ts'
import { connectHttp2Wire, headersFrames, type Http2Wire } from './support/http2-client.ts'
import { echoOf, startObservedUpstream, type ObservedUpstream } from './support/observed-upstream.ts'
import { expectSeen, settle } from './support/verify.ts'

const FOLLOW_UP_STREAM = 3
const followUp = headersFrames(
  FOLLOW_UP_STREAM,
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'client.test'],
    [':path', '/after'],
  ],
  true,
)

/** Whether one more request was served on the connection; a connection that was given up serves none. */
async function isServedBehind(client: Http2Wire): Promise<boolean> {
  if (client.over) return false
  client.write(followUp)
  const { status, body } = await client.streamEnd(FOLLOW_UP_STREAM)
  if (client.over) return false
  expect({ status, body }).toEqual({ status: 200, body: echoOf(seenFollowUp) })
  return true
}

describe('over HTTP/2', () => {
  let upstream: ObservedUpstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startObservedUpstream()
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: { enable_analytics: false },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  test.each(http2Cases.map((each) => [each.name, each] as const))(
    '%s',
    async (_, { bytes, seen, breaksOff, reset }) => {
      upstream.clear()
      await using client = await connectHttp2Wire(gateway.port)
      client.write(bytes)
      const { status, body, whole } = await client.streamEnd(1)
      if (seen === null) expect(status === 0 || status >= 400, `status ${status}`).toBe(true)
      else if (!reset) expect({ status, body, whole }).toEqual({ status: 200, body: echoOf(seen), whole: true })
      const isServed = await isServedBehind(client)
      if (reset) expect(whole).toBe(false)
      else if (seen !== null) expect(isServed).toBe(true)
      await settle(gateway.port, upstream)
      const isSeen = seen !== null && (!reset || upstream.seenByNode().some(({ target }) => target === seen.target))
      const requests = [...(isSeen ? [seen] : []), ...(isServed ? [seenFollowUp] : [])]
      expectSeen(requests, breaksOff, upstream, `Tyk/${VERSION}`)
    },
  )

  test('the gateway is still the same process, and logged no failure of its own', () => {
    expect(gateway.program.output()).not.toMatch(/inside the gateway|Error:/)
  })
})
