/** The control API among the APIs of a port. */
import { describe, expect, test } from 'vitest'
import { startGateway } from '../../../../test/support/gateway.ts'
import { freePort, redisSkipReason, startRedis } from '../../../../test/support/redis.ts'
import { rawRequest } from '../support/raw-http.ts'

describe.skipIf(redisSkipReason())('the control API', () => {
  test('asks for the secret however its paths are written, on its own port as on the shared one', async () => {
    await using redis = await startRedis()
    const controlPort = await freePort()
    await using own = await startGateway({
      redisPort: redis.port,
      unchecked: true,
      conf: { control_api_port: controlPort },
    })
    await using shared = await startGateway({ redisPort: redis.port })
    await own.program.waitForLine(/Tyk Gateway started/)
    for (const port of [controlPort, shared.port]) {
      for (const target of [
        '/tyk/apis',
        '/%74yk/apis',
        '/tyk%2Fapis',
        'http://x/tyk/apis',
        '/tyk/../tyk/apis',
        '//tyk/apis',
        '/tyk/apis/',
        '/TYK/apis',
      ]) {
        const answer = await rawRequest(port, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
        expect(answer, `${port} ${target}`).toMatch(/^HTTP\/1.1 (403|404|301|400) /)
      }
      const good = `GET /tyk/apis HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Tyk-Authorization: ${own.secret}\r\n\r\n`
      expect(await rawRequest(port, good)).toMatch(/^HTTP\/1.1 200 /)
      expect(await rawRequest(port, 'GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')).toMatch(
        /^HTTP\/1.1 200 /,
      )
    }
  })
})
