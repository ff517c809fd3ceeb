/** What is recorded of a request whose body breaks off. */
import net from 'node:net'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { startGateway } from '../../../../test/support/gateway.ts'
import { recordsUntil } from '../../../../test/support/read-records.ts'
import { redisSkipReason, startRedis } from '../../../../test/support/redis.ts'
import { keylessApi } from '../support/api.ts'
import { startRawUpstream } from '../support/raw-http.ts'

describe.skipIf(redisSkipReason())('a request body', () => {
  test('that turns out malformed ends the upstream request, and leaves one record', async () => {
    await using redis = await startRedis()
    const begun = Promise.withResolvers<net.Socket>()
    await using upstream = await startRawUpstream((socket, text) => {
      if (text.includes('first')) begun.resolve(socket)
    })
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    const client = net.connect(gateway.port, '127.0.0.1')
    client.write('POST /app/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
    const atUpstream = await begun.promise
    client.write('no length\r\n')
    const [[answer]] = (await Promise.all([once(client, 'data'), once(atUpstream, 'close')])) as [[Buffer], unknown]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/)
    client.destroy()
    const records = await recordsUntil(redis.url, (record) => record.path === '/x')
    expect(records.map(({ responseCode }) => responseCode)).toEqual([499])
  })
})
