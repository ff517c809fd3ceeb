/** Requests that wait behind one another on a connection. */
import net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { startUpstream, type Upstream } from '../../../../test/support/upstream.ts'
import { keylessApi } from '../support/api.ts'
import { FOLLOW_UP, get } from './corpus/case.ts'
import { converse } from './support/hostile-client.ts'
import { readAnswers } from './support/strict-parser.ts'

/** More than the two ends of a connection take from a writer that nobody reads. */
const FLOOD_BYTES = 200_000_000

describe('a pipeline', () => {
  let upstream: Upstream
  let gateway: Gateway
  let targets: string[] = []
  const held: (() => void)[] = []
  let underWay = 0
  let most = 0

  beforeAll(async () => {
    upstream = await startUpstream((request, response) => {
      targets.push(request.url ?? '')
      most = Math.max(most, ++underWay)
      response.once('close', () => underWay--)
      if (request.url === '/held') held.push(() => response.end('held'))
      else response.end(request.url)
    })
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: { enable_analytics: false },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.close()
  })

  test('is served in its order, one request at a time', async () => {
    targets = []
    most = 0
    const names = Array.from({ length: 200 }, (_, i) => `/${i}`)
    const text = await converse(gateway.port, names.map((name) => get('', name)).join('') + FOLLOW_UP)
    const { messages, fault } = readAnswers(text, [], true)
    expect(fault).toBeNull()
    expect(messages.map(({ body }) => body)).toEqual([...names, '/after'])
    expect(targets).toEqual([...names, '/after'])
    expect(most).toBe(1)
  })

  test('that is longer than the gateway wants to hold is not read any further', async () => {
    targets = []
    held.length = 0
    const client = net.connect(gateway.port, '127.0.0.1')
    client.on('error', () => {})
    client.write(get('', '/held'))
    await eventually(() => expect(held).toHaveLength(1))
    const piece = Buffer.from(get('', '/flood').repeat(1000))
    const flood = (): void => {
      while (client.bytesWritten < FLOOD_BYTES && client.write(piece));
    }
    client.on('drain', flood)
    flood()
    // What the two systems hold for the connection is full at some moment.
    await eventually(async () => {
      const before = client.bytesWritten
      for (let i = 0; i < 50; i++) await converse(gateway.port, FOLLOW_UP)
      expect(client.bytesWritten).toBe(before)
    })
    expect(client.bytesWritten).toBeLessThan(FLOOD_BYTES)
    expect(targets).not.toContain('/flood')
    held.pop()?.()
    await once(client, 'data')
    client.destroy()
  })

  test('whose client goes away is not served to its end', async () => {
    targets = []
    held.length = 0
    const client = net.connect(gateway.port, '127.0.0.1')
    client.write(get('', '/held') + get('', '/gone').repeat(5))
    await eventually(() => expect(held).toHaveLength(1))
    client.destroy()
    await eventually(() => expect(underWay).toBe(0))
    await converse(gateway.port, FOLLOW_UP)
    expect(targets).not.toContain('/gone')
  })
})
