/** Files that are broken or away when a reload wants them. */
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startGateway } from '../../../../test/support/gateway.ts'
import { redisSkipReason, startRedis } from '../../../../test/support/redis.ts'
import { startUpstream } from '../../../../test/support/upstream.ts'
import { keylessApi } from '../support/api.ts'

describe.skipIf(redisSkipReason())('a reload', () => {
  const ok = () => startUpstream((_, response) => response.end('ok'))

  test('while the folder of definitions is away takes no API out of service', async () => {
    await using redis = await startRedis()
    await using upstream = await ok()
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    const folder = join(gateway.dir, 'apps')
    await rename(folder, `${folder}.away`)
    await gateway.reload()
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(200)
    await mkdir(folder)
    await gateway.reload()
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(404)
  })

  test('of a definition that decodes but cannot be served keeps its last good form; one that asks for a missing guard goes', async () => {
    await using redis = await startRedis()
    await using upstream = await ok()
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    await gateway.writeApi('app.json', keylessApi('nonsense'))
    await gateway.reload()
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(200)
    await gateway.writeApi('app.json', keylessApi(upstream.url, { use_keyless: false, enable_coprocess_auth: true }))
    await gateway.reload()
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(404)
  })

  test('without the policy file keeps the policies', async () => {
    await using redis = await startRedis()
    await using upstream = await ok()
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    await rm(join(gateway.dir, 'policies', 'policies.json'))
    await gateway.reload()
    await gateway.program.waitForLine(/reload: failed.*no such file/)
  })
})
