import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../../test/support/certificates.ts'
import { createConsul, type ConsulOptions } from '../src/secrets/consul.ts'
import { type SecretStore, SecretStoreError, type Stored } from '../src/secrets/store.ts'
import { createVault, type VaultOptions } from '../src/secrets/vault.ts'
import { startRawProxy } from './support/raw-proxy.ts'
import { LEAK, startConsul, startVault, type Trouble } from './support/secret-servers.ts'
import { configWith } from './support/steps.ts'

const { kv } = configWith()

const consulAt = (address: string, changes: Partial<ConsulOptions> = {}, env: NodeJS.ProcessEnv = {}) =>
  disposable(createConsul({ ...kv.consul, address, wait_time: 1000, ...changes }, env))

const vaultAt = (address: string, changes: Partial<VaultOptions> = {}) =>
  disposable(createVault({ ...kv.vault, address, timeout: 1000, max_retries: 1, ...changes }, {}))

const disposable = (store: SecretStore): SecretStore & AsyncDisposable =>
  Object.assign(store, { [Symbol.asyncDispose]: () => store.close() })

async function disposableFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'gateway-authorities-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** The value, or failure and message of the error. */
const outcomeOf = (read: Promise<Stored>): Promise<unknown> =>
  read.catch((err: unknown) => {
    if (!(err instanceof SecretStoreError)) throw err
    return `${err.failure}: ${err.message}`
  })

describe('Consul', () => {
  test('gives the value of a key, whatever its name', async () => {
    await using server = await startConsul()
    await using consul = consulAt(server.address)
    server.keys.set('a/b c?#%', 'grün')
    server.keys.set('empty', '')
    expect(await consul.read('a/b c?#%')).toBe('grün')
    expect(await consul.read('empty')).toBe('')
    expect(server.requests).toEqual(['/v1/kv/a/b%20c%3F%23%25', '/v1/kv/empty'])
  })

  test('gives the keys below a folder by their names in it', async () => {
    await using server = await startConsul()
    await using consul = consulAt(server.url)
    for (const key of ['tyk-apis/', 'tyk-apis/a', 'tyk-apis/b/c', 'tyk-apis2/d'])
      server.keys.set(key, `value of ${key}`)
    expect(await consul.read('tyk-apis/')).toEqual({ a: 'value of tyk-apis/a', 'b/c': 'value of tyk-apis/b/c' })
    expect(server.requests).toEqual(['/v1/kv/tyk-apis/?recurse=true'])
  })

  test('is asked with token, data centre and credentials', async () => {
    const basicAuth = `Basic ${Buffer.from('ann:p:w').toString('base64')}`
    await using server = await startConsul({ token: 't-1', datacenter: 'east', basicAuth })
    server.keys.set('k', 'v')
    const credentials = { username: 'ann', password: 'p:w' }
    await using good = consulAt(server.address, { token: 't-1', datacenter: 'east', http_auth: credentials })
    expect(await good.read('k')).toBe('v')
    expect(server.requests).toEqual(['/v1/kv/k?dc=east'])
    await using bad = consulAt(server.address, { token: 'wrong', datacenter: 'east', http_auth: credentials })
    expect(await outcomeOf(bad.read('k'))).toBe(
      `refused: Consul at ${server.url} answered 403: check kv.consul.token (TYK_GW_KV_CONSUL_TOKEN) and what it may read`,
    )
  })

  test('is trusted by its authority and shown a certificate', async () => {
    await using authority = await createAuthority()
    const own = await authority.issue({ cn: 'consul.test' })
    const client = await authority.issue({ cn: 'gateway' })
    const tls = { key: own.key, cert: own.cert, ca: authority.cert, requestCert: true, rejectUnauthorized: true }
    await using server = await startConsul({ tls })
    server.keys.set('k', 'v')
    const settings = {
      ...kv.consul.tls_config,
      address: 'consul.test',
      ca_file: authority.certFile,
      cert_file: client.certFile,
      key_file: client.keyFile,
    }
    await using good = consulAt(server.address, { scheme: 'https', tls_config: settings })
    expect(await good.read('k')).toBe('v')
    await using folder = await disposableFolder()
    await writeFile(join(folder.path, 'ca.pem'), authority.cert)
    await mkdir(join(folder.path, '..data'))
    await using byFolder = consulAt(server.url, { tls_config: { ...settings, ca_file: '', ca_path: folder.path } })
    expect(await byFolder.read('k')).toBe('v')
    await using stranger = consulAt(server.url, { tls_config: { ...settings, ca_file: '' } })
    expect(await outcomeOf(stranger.read('k'))).toMatch(
      /^away: Consul at https:.* does not answer \(\w*(CERT|ISSUER|SIGNATURE)\w*\)/,
    )
    await using unchecked = consulAt(server.url, {
      tls_config: { ...settings, address: '', ca_file: '', insecure_skip_verify: true },
    })
    expect(await unchecked.read('k')).toBe('v')
  })

  test('says what it does not have', async () => {
    await using server = await startConsul()
    await using consul = consulAt(server.address)
    expect(await outcomeOf(consul.read('k'))).toBe('missing: Consul has no key k')
    expect(await outcomeOf(consul.read('f/'))).toBe('missing: Consul has no key below f/')
    expect(await outcomeOf(consul.read('a/../../agent/self'))).toMatch(/^refused: .*no parts/)
  })
})

describe('Vault', () => {
  test.each([1, 2] as const)('gives the fields of a secret, engine version %d', async (version) => {
    await using server = await startVault({ token: 's.1', version })
    await using vault = vaultAt(server.url, { token: 's.1', kv_version: version })
    server.secrets.set('secret/team/gw', { key: 'v', n: 1 })
    expect(await vault.read('secret/team/gw')).toEqual({ key: 'v', n: 1 })
    expect(server.requests).toEqual([version === 2 ? '/v1/secret/data/team/gw' : '/v1/secret/team/gw'])
    expect(server.headers).toMatchObject({ 'x-vault-token': 's.1', 'x-vault-request': 'true' })
  })

  test('an agent counts before the server, and needs no token', async () => {
    await using agent = await startVault()
    agent.secrets.set('secret/gw', { key: 'v' })
    await using vault = vaultAt('http://127.0.0.1:1', { agent_address: agent.url })
    expect(await vault.read('secret/gw')).toEqual({ key: 'v' })
    expect(agent.headers).not.toHaveProperty('x-vault-token')
  })

  test('says what it does not have, and what the version has to do with it', async () => {
    await using server = await startVault()
    server.secrets.set('secret/deleted', null)
    await using vault = vaultAt(server.url)
    const hint = '(engine version 2: check kv.vault.kv_version (TYK_GW_KV_VAULT_KVVERSION))'
    expect(await outcomeOf(vault.read('secret/gw'))).toBe(`missing: Vault has no secret at secret/data/gw ${hint}`)
    expect(await outcomeOf(vault.read('secret/deleted'))).toMatch(/^missing: /)
    await using first = vaultAt(server.url, { kv_version: 1 })
    expect(await outcomeOf(first.read('secret/gw'))).toMatch(/^missing: .*engine version 1/)
  })

  test('an engine of the other version is not taken for the right one', async () => {
    await using server = await startVault({ version: 1 })
    server.secrets.set('secret/data/gw', { key: 'v' })
    await using vault = vaultAt(server.url)
    expect(await outcomeOf(vault.read('secret/gw'))).toBe(
      'refused: Vault answered in another form than expected (engine version 2: check kv.vault.kv_version (TYK_GW_KV_VAULT_KVVERSION))',
    )
  })

  test('a standby sends on to the active server, once', async () => {
    await using active = await startVault({ token: 's.1' })
    active.secrets.set('secret/gw', { key: 'v' })
    await using standby = await startVault()
    await using vault = vaultAt(standby.url, { token: 's.1' })
    standby.trouble = { redirect: `${active.url}/v1/secret/data/gw` }
    expect(await vault.read('secret/gw')).toEqual({ key: 'v' })
    standby.trouble = { redirect: '/v1/secret/data/gw' }
    expect(await outcomeOf(vault.read('secret/gw'))).toMatch(/^refused: Vault at .* answered 307/)
  })
})

test('a redirect from https to http gets no token', async () => {
  await using authority = await createAuthority()
  const { key, cert } = await authority.issue({ cn: 'consul.test' })
  await using thief = await startConsul()
  await using server = await startConsul({ tls: { key, cert } })
  server.trouble = { redirect: `${thief.url}/v1/kv/k` }
  await using consul = consulAt(server.url, {
    token: 't-1',
    tls_config: { ...kv.consul.tls_config, address: 'consul.test', ca_file: authority.certFile },
  })
  expect(await outcomeOf(consul.read('k'))).toMatch(/^refused: .* redirects to where its token must not be sent/)
  expect(thief.requests).toEqual([])
})

test('Consul has no standbys: what sends to another server gets no further', async () => {
  await using thief = await startConsul({ token: 't-1' })
  await using server = await startConsul({ token: 't-1' })
  thief.keys.set('k', 'v')
  server.keys.set('other', 'v')
  server.trouble = { redirect: `${thief.url}/v1/kv/k` }
  server.troubles = 1
  await using consul = consulAt(server.url, { token: 't-1' })
  expect(await outcomeOf(consul.read('k'))).toMatch(/^refused: .* redirects to where its token must not be sent/)
  expect(thief.requests).toEqual([])
  server.trouble = { redirect: '/v1/kv/k2' }
  server.troubles = 1
  server.keys.set('k2', 'v2')
  expect(await outcomeOf(consul.read('k'))).toBe('missing: Consul has no key k')
  expect(server.requests).toEqual(['/v1/kv/k', '/v1/kv/k', '/v1/kv/k2'])
})

test('a store is reached through the proxy of the environment, and shown only what is for it', async () => {
  await using authority = await createAuthority()
  const { key, cert } = await authority.issue({ cn: 'consul.test' })
  await using server = await startConsul({ token: 't-1', tls: { key, cert } })
  server.keys.set('k', 'v')
  await using proxy = await startRawProxy()
  proxy.connectTo(Number(server.address.split(':')[1]))
  const uri = `http://ann:pw@127.0.0.1:${proxy.port}`
  const env = { HTTP_PROXY: uri, HTTPS_PROXY: uri, NO_PROXY: 'near.test' }
  const settings = { token: 't-1', tls_config: { ...kv.consul.tls_config, ca_file: authority.certFile } }
  await using secure = consulAt('https://consul.test:8501', settings, env)
  expect(await secure.read('k')).toBe('v')
  expect(server.headers).not.toHaveProperty('proxy-authorization')
  await using plain = consulAt('consul.test:8500', {}, env)
  await outcomeOf(plain.read('k'))
  await using near = consulAt('near.test:8500', {}, env)
  expect(await outcomeOf(near.read('k'))).toMatch(/^away: /)
  expect(proxy.heads.map(({ startLine }) => startLine)).toEqual([
    'CONNECT consul.test:8501 HTTP/1.1',
    'GET http://consul.test:8500/v1/kv/k HTTP/1.1',
  ])
  expect(JSON.stringify(proxy.heads)).not.toContain('t-1')
})

describe('a store that misbehaves', () => {
  test.each<[Trouble, RegExp]>([
    [403, /^refused: \w+ at http:\S+ answered 403: check kv\.\w+\.token/],
    [400, /^refused: \w+ at http:\S+ answered 400$/],
    [429, /^busy: \w+ at http:\S+ answered 429$/],
    [500, /^busy: \w+ at http:\S+ answered 500$/],
    [503, /^busy: \w+ at http:\S+ answered 503$/],
    ['hang', /^away: \w+ at http:\S+ did not answer in time: check kv\.\w+\.address/],
    ['cut', /^away: \w+ at http:\S+ does not answer \(\w+\): check kv\.\w+\.address/],
    ['broken JSON', /^refused: \w+ at http:\S+ answered with something that is not JSON: check kv\.\w+\.address/],
    ['another form', /^refused: /],
    ['no such page', /^refused: \w+ at http:\S+ answered 404, and not in its own form: check kv\.\w+\.address/],
    ['endless', /^(refused: \w+ at http:\S+ answered with more than 4194304 bytes|away: .* in time)/],
  ])('%j is told without a word of what came', async (trouble, expected) => {
    await using consulServer = await startConsul()
    await using vaultServer = await startVault()
    await using consul = consulAt(consulServer.address)
    await using vault = vaultAt(vaultServer.url)
    consulServer.trouble = vaultServer.trouble = trouble
    for (const outcome of [await outcomeOf(consul.read('k')), await outcomeOf(vault.read('secret/gw'))]) {
      expect(outcome).toMatch(expected)
      expect(outcome).not.toContain(LEAK)
    }
  })

  test.each<Trouble>([503, 429, 412, 'cut', 'hang'])('is asked again after %j', async (trouble) => {
    await using server = await startVault()
    server.secrets.set('secret/gw', { key: 'v' })
    server.trouble = trouble
    server.troubles = 1
    await using vault = vaultAt(server.url)
    expect(await vault.read('secret/gw')).toEqual({ key: 'v' })
    expect(server.requests).toHaveLength(2)
  })

  test.each<Trouble>([403, 400, 'broken JSON'])('is not asked again after %j', async (trouble) => {
    await using server = await startVault()
    server.trouble = trouble
    await using vault = vaultAt(server.url, { max_retries: 5 })
    expect(await outcomeOf(vault.read('secret/gw'))).toMatch(/^refused/)
    expect(server.requests).toHaveLength(1)
  })

  test('is left alone when the gateway closes meanwhile', async () => {
    await using server = await startVault()
    server.trouble = 'hang'
    const vault = vaultAt(server.url, { timeout: 60_000 })
    const outcome = outcomeOf(vault.read('secret/gw'))
    await vault.close()
    expect(await outcome).toMatch(/^away: /)
  })

  test('nobody listens', async () => {
    const server = await startConsul()
    await server.close()
    await using consul = consulAt(server.address)
    expect(await outcomeOf(consul.read('k'))).toBe(
      `away: Consul at ${server.url} does not answer (ECONNREFUSED): check kv.consul.address (TYK_GW_KV_CONSUL_ADDRESS)`,
    )
  })
})
