import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway, type GatewayOptions } from '../../../test/support/gateway.ts'
import { startUpstream } from '../../../test/support/upstream.ts'
import { keylessApi, withVersion } from './support/api.ts'
import { LEAK, startConsul, startVault } from './support/secret-servers.ts'
import { childrenOf, procSkipReason } from './support/worker-processes.ts'

/** Answers with the request headers whose names begin with `x-`. */
const startEcho = (name = 'up') =>
  startUpstream((req, res) => {
    const own = Object.entries(req.headers).filter(([header]) => header.startsWith('x-secret'))
    res.end(JSON.stringify({ name, ...Object.fromEntries(own) }))
  })

const ask = async (gateway: Gateway, path = '/app/'): Promise<unknown> => {
  const answer = await fetch(gateway.url + path)
  const text = await answer.text()
  return answer.status === 200 ? (JSON.parse(text) as unknown) : answer.status
}

const headers = (global_headers: Record<string, string>) => withVersion({ global_headers })

const kvOf = (consul: string, vault: string) => ({
  consul: { address: consul, wait_time: 1_000_000_000 },
  vault: { address: vault, token: 's.1', timeout: 1_000_000_000 },
})

const refusedStart = async (options: GatewayOptions): Promise<string> => {
  await using gateway = await startGateway({ ...options, unchecked: true })
  expect(await gateway.program.exited()).toBe(1)
  return gateway.program.output()
}

describe('references in tyk.conf', () => {
  test('are asked for at the start', async () => {
    await using consul = await startConsul()
    await using vault = await startVault({ token: 's.1' })
    consul.keys.set('gw/node', 'node-secret')
    vault.secrets.set('secret/gw', { admin: 'from-vault' })
    const conf = {
      secret: 'vault://secret/gw.admin',
      node_secret: 'consul://gw/node',
      kv: kvOf(consul.address, vault.url),
    }
    await using gateway = await startGateway({ conf })
    const statusWith = async (secret: string): Promise<number> =>
      (await fetch(`${gateway.url}/tyk/apis`, { headers: { 'x-tyk-authorization': secret } })).status
    expect([await statusWith('from-vault'), await statusWith('vault://secret/gw.admin')]).toEqual([200, 403])
    expect(gateway.program.output()).not.toMatch(/from-vault|s\.1/)
  })

  test('that lead to nothing end the start with a line each: reference, answer and cure', async () => {
    await using vault = await startVault({ token: 's.1' })
    vault.secrets.set('secret/gw', { other: 'hidden-value', empty: ' ' })
    const output = await refusedStart({
      conf: {
        secret: 'vault://secret/gw.admin',
        node_secret: 'kv://vault/secret/gw#empty',
        storage: { type: 'redis', host: '127.0.0.1', port: 1, password: 'consul://redis' },
        kv: kvOf('127.0.0.1:1', vault.url),
      },
    })
    expect(output).toContain('configuration refused: 3 problems')
    expect(output).toContain('secret (TYK_GW_SECRET): vault://secret/gw.admin: there is no field admin')
    expect(output).toContain(
      'node_secret (TYK_GW_NODESECRET): kv://vault/secret/gw#empty is empty: give the field a value',
    )
    expect(output).toContain(
      'storage.password (TYK_GW_STORAGE_PASSWORD): consul://redis: Consul at http://127.0.0.1:1 does not answer (ECONNREFUSED): check kv.consul.address (TYK_GW_KV_CONSUL_ADDRESS)',
    )
    expect(output).not.toContain('hidden-value')
  })

  test('of a wrong token do not show the token', async () => {
    await using vault = await startVault({ token: 'right' })
    const output = await refusedStart({
      conf: { secret: 'vault://secret/gw.admin' },
      env: { TYK_GW_KV_VAULT_ADDRESS: vault.url, TYK_GW_KV_VAULT_TOKEN: 'wrong-token' },
    })
    expect(output).toContain('answered 403: check kv.vault.token (TYK_GW_KV_VAULT_TOKEN) and what it may read')
    expect(output).not.toContain('wrong-token')
  })
})

describe('references in API definitions', () => {
  test('are replaced at every load', async () => {
    await using first = await startEcho('first')
    await using second = await startEcho('second')
    await using consul = await startConsul()
    await using vault = await startVault({ token: 's.1' })
    consul.keys.set('tyk-apis/target', first.url)
    consul.keys.set('routing/path', '/from-consul/')
    vault.secrets.set('secret/tyk-apis', { key: 'k1' })
    vault.secrets.set('secret/gw', { key: 'k2' })
    const api = keylessApi('consul://target', {
      proxy: { listen_path: 'consul://routing/path' },
      ...headers({ 'X-Secret-1': 'Key vault://key', 'X-Secret-2': '$kv{vault:secret/gw#key}' }),
    })
    await using gateway = await startGateway({
      apis: { 'app.json': api },
      conf: { kv: kvOf(consul.address, vault.url) },
    })
    expect(await ask(gateway, '/from-consul/')).toEqual({ name: 'first', 'x-secret-1': 'Key k1', 'x-secret-2': 'k2' })
    consul.keys.set('tyk-apis/target', second.url)
    consul.keys.set('routing/path', '/moved/')
    vault.secrets.set('secret/tyk-apis', { key: 'k3' })
    await gateway.reload()
    expect(await ask(gateway, '/moved/')).toEqual({ name: 'second', 'x-secret-1': 'Key k3', 'x-secret-2': 'k2' })
    expect(await ask(gateway, '/from-consul/')).toBe(404)
  })

  test('keep their last known values while the stores are away, misbehave or have lost them', async () => {
    await using up = await startEcho()
    await using consul = await startConsul()
    await using vault = await startVault({ token: 's.1' })
    consul.keys.set('tyk-apis/target', up.url)
    consul.keys.set('routing/path', '/app/')
    vault.secrets.set('secret/tyk-apis', { key: 'k1' })
    const api = keylessApi('consul://target', {
      proxy: { listen_path: 'consul://routing/path' },
      ...headers({ 'X-Secret': 'vault://key' }),
    })
    await using gateway = await startGateway({
      apis: { 'app.json': api },
      conf: { kv: kvOf(consul.address, vault.url) },
    })
    const served = { name: 'up', 'x-secret': 'k1' }
    expect(await ask(gateway)).toEqual(served)
    for (const trouble of [403, 500, 'hang', 'broken JSON', 'another form'] as const) {
      consul.trouble = vault.trouble = trouble
      await gateway.reload()
      expect(await ask(gateway)).toEqual(served)
    }
    consul.trouble = vault.trouble = null
    await consul.close()
    await vault.close()
    // The definition has changed as well: what was known before still fills it in.
    await gateway.writeApi('app.json', { ...api, ...headers({ 'X-Secret-New': 'vault://key' }) })
    await gateway.reload()
    expect(await ask(gateway)).toEqual({ name: 'up', 'x-secret-new': 'k1' })
    await consul.open()
    await vault.open()
    consul.keys.clear()
    vault.secrets.clear()
    // Until then nobody asks stores that were away a moment ago.
    await eventually(async () => {
      await gateway.reload()
      expect(gateway.program.output()).toContain('API definition is broken, its last good version stays in service')
    })
    expect(await ask(gateway)).toEqual({ name: 'up', 'x-secret-new': 'k1' })
    expect(gateway.program.output()).not.toContain('k1')
  }, 60_000)

  test('do not show in the log what came from them, whatever is wrong with it', async () => {
    await using consul = await startConsul()
    const leak = (id: string) => `${LEAK}-${id}`
    consul.keys.set('tyk-apis/target', leak('target'))
    consul.keys.set('tyk-apis/scheme', `${leak('scheme')}://up`)
    consul.keys.set('tyk-apis/escape', `http://up/${leak('escape')}%zz`)
    consul.keys.set('own/target', leak('routed'))
    consul.keys.set('own/path', leak('path'))
    const target = 'http://127.0.0.1:1'
    const at = (id: string, url: string, changes: object = {}) => [
      `${id}.json`,
      keylessApi(url, { api_id: id, proxy: { listen_path: `/${id}/` }, ...changes }),
    ]
    const apis = Object.fromEntries([
      at('target', 'consul://target'),
      at('scheme', 'consul://scheme'),
      at('escape', 'consul://escape'),
      at('routed', 'consul://own/target'),
      at('path', target, { proxy: { listen_path: 'consul://own/path' } }),
      at('type', target, { domain_disabled: 'consul://target' }),
      at('override', target, {
        version_data: { versions: { v1: { name: 'v1', override_target: 'consul://own/target' } } },
      }),
    ]) as Record<string, unknown>
    await using gateway = await startGateway({ apis, conf: { kv: { consul: { address: consul.address } } } })
    const output = gateway.program.output()
    for (const id of ['target', 'scheme', 'escape', 'routed', 'path', 'override']) {
      expect(output).toMatch(new RegExp(`API skipped.*${id}\\.json`))
    }
    expect(output).toMatch(/domain_disabled: expected true or false, got something else/)
    expect(output).not.toContain(LEAK)
  })

  test.each([
    ['can be served', 'http://127.0.0.1:1'],
    ['cannot be served', 'consul://absent'],
  ])('that lead to nothing do not keep an API open whose definition now asks for keys and %s', async (_, target) => {
    await using up = await startEcho()
    await using consul = await startConsul()
    consul.keys.set('tyk-apis/target', up.url)
    await using gateway = await startGateway({
      apis: { 'app.json': keylessApi('consul://target') },
      conf: { kv: { consul: { address: consul.address } } },
    })
    expect(await ask(gateway)).toEqual({ name: 'up' })
    const closed = { use_keyless: false, use_standard_auth: true }
    await gateway.writeApi('app.json', keylessApi(target, { ...closed, ...headers({ 'X-Secret': 'consul://absent' }) }))
    await gateway.reload()
    expect(await ask(gateway)).toBe(target.startsWith('http') ? 401 : 404)
  })

  test('that lead to nothing leave an API in service whose file has another name now', async () => {
    await using up = await startEcho()
    await using consul = await startConsul()
    consul.keys.set('tyk-apis/target', up.url)
    const api = keylessApi('consul://target')
    await using gateway = await startGateway({
      apis: { 'app.json': api },
      conf: { kv: { consul: { address: consul.address } } },
    })
    consul.keys.clear()
    await rm(join(gateway.dir, 'apps', 'app.json'))
    await gateway.writeApi('renamed.json', api)
    await gateway.reload()
    expect(await ask(gateway)).toEqual({ name: 'up' })
  })

  test('of a store that hangs do not keep the ports shut', async () => {
    await using up = await startEcho()
    await using consul = await startConsul()
    consul.keys.set('tyk-apis/target', up.url)
    consul.trouble = 'hang'
    const apis = {
      'app.json': keylessApi('consul://target'),
      'other.json': keylessApi(up.url, { api_id: 'other', proxy: { listen_path: '/other/' } }),
    }
    // One attempt alone would take longer than this test may.
    const conf = { kv: { consul: { address: consul.address, wait_time: 120_000_000_000 } } }
    await using gateway = await startGateway({ apis, conf })
    expect(await ask(gateway, '/other/')).toEqual({ name: 'up' })
    expect(await ask(gateway)).toBe(404)
    consul.trouble = null
    await eventually(async () => expect(await ask(gateway)).toEqual({ name: 'up' }), 20_000)
  }, 40_000)

  test('that lead to nothing at the first load stay; the others serve, and a store that comes back brings them', async () => {
    await using up = await startEcho()
    await using consul = await startConsul()
    consul.keys.set('tyk-apis/target', up.url)
    await consul.close()
    const apis = {
      'app.json': keylessApi('consul://target'),
      'other.json': keylessApi(up.url, {
        api_id: 'other',
        proxy: { listen_path: '/other/' },
        ...headers({ 'X-Secret': 'vault://absent' }),
      }),
    }
    await using gateway = await startGateway({ apis, conf: { kv: { consul: { address: consul.address } } } })
    expect(await ask(gateway)).toBe(404)
    expect(await ask(gateway, '/other/')).toEqual({ name: 'up', 'x-secret': 'vault://absent' })
    await gateway.program.waitForLine(/kv\.vault\.address \(TYK_GW_KV_VAULT_ADDRESS\) is not set/)
    await consul.open()
    await eventually(async () => expect(await ask(gateway)).toEqual({ name: 'up' }), 20_000)
  }, 60_000)
})

describe('variables', () => {
  test('are filled in per request without a request to the store', async () => {
    await using up = await startEcho()
    await using consul = await startConsul()
    await using vault = await startVault({ token: 's.1' })
    consul.keys.set('a/b', 'one')
    vault.secrets.set('secret/gw', { key: 'two' })
    const api = keylessApi(up.url, {
      ...headers({
        'X-Secret-1': '<$secret_consul.a/b>',
        'X-Secret-2': '<$secret_vault.secret/gw.key>',
        'X-Secret-3': '<$secret_vault.secret/gw.absent>',
      }),
    })
    await using gateway = await startGateway({
      apis: { 'app.json': api },
      conf: { kv: kvOf(consul.address, vault.url) },
    })
    const seen = [consul.requests.length, vault.requests.length]
    const served = { name: 'up', 'x-secret-1': '<one>', 'x-secret-2': '<two>', 'x-secret-3': '<>' }
    for (let i = 0; i < 20; i++) expect(await ask(gateway)).toEqual(served)
    expect([consul.requests.length, vault.requests.length]).toEqual(seen)
    consul.keys.set('a/b', 'three')
    await gateway.reload()
    expect(await ask(gateway)).toEqual({ ...served, 'x-secret-1': '<three>' })
    consul.trouble = vault.trouble = 'hang'
    const asked = [consul.requests.length, vault.requests.length]
    expect(await ask(gateway)).toEqual({ ...served, 'x-secret-1': '<three>' })
    expect([consul.requests.length, vault.requests.length]).toEqual(asked)
  })

  test.skipIf(procSkipReason())(
    'are known to a process that starts while the store is away',
    async () => {
      await using up = await startUpstream((req, res) => res.end(req.headers['x-secret']))
      await using consul = await startConsul()
      consul.keys.set('k', 'v')
      const api = keylessApi(up.url, { ...headers({ 'X-Secret': '<$secret_consul.k>' }) })
      const conf = { workers: 2, kv: { consul: { address: consul.address, wait_time: 1_000_000_000 } } }
      await using gateway = await startGateway({ apis: { 'app.json': api }, conf })
      await consul.close()
      const before = childrenOf(gateway.program.pid)
      for (const pid of before) {
        process.kill(pid, 'SIGKILL')
        await eventually(() => {
          const now = childrenOf(gateway.program.pid)
          expect(now).not.toContain(pid)
          expect(now).toHaveLength(2)
        })
      }
      const askApart = async (): Promise<string> => {
        const answer = await fetch(`${gateway.url}/app/`, { headers: { connection: 'close' } })
        return answer.text()
      }
      for (let i = 0; i < 20; i++) expect(await eventually(askApart)).toBe('<v>')
      expect(childrenOf(gateway.program.pid).filter((pid) => before.includes(pid))).toEqual([])
    },
    60_000,
  )
})
