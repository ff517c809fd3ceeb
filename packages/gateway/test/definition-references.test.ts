import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pino } from 'pino'
import { decodeDefinition } from '../src/api-definition/decode.ts'
import {
  type DefinitionSources,
  placesOfReferences,
  placesOfRouting,
  resolveRouting,
  substituteReferences,
} from '../src/api-definition/references.ts'
import { createSecretStores } from '../src/secrets/create-stores.ts'
import { createSecretValues } from '../src/secrets/secret-values.ts'
import { type ConsulServer, startConsul, startVault, type VaultServer } from './support/secret-servers.ts'
import { configWith } from './support/steps.ts'

let dir: string
let consul: ConsulServer
let vault: VaultServer
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gateway-definitions-'))
  await writeFile(join(dir, 'motto'), 'two\n"lines"\n')
  execFileSync('mkfifo', [join(dir, 'pipe')])
  consul = await startConsul()
  vault = await startVault()
  consul.keys.set('tyk-apis/up', 'http://up')
  consul.keys.set('tyk-apis/upper', 'http://upper')
  consul.keys.set('tyk-apis/chain', 'vault://pw and $kv{env:x}')
  consul.keys.set('own/target', 'http://routed')
  consul.keys.set('own/key', '{"a": {"b": "deep"}}')
  vault.secrets.set('secret/tyk-apis', { pw: 'p"w\\', rate: 7 })
  vault.secrets.set('secret/gw', { key: 'k' })
})
afterAll(async () => {
  await consul.close()
  await vault.close()
  await rm(dir, { recursive: true })
})

async function substitute(value: string, changes: Partial<DefinitionSources> = {}) {
  const text = `{"x": "${value}", "end": "other"}`
  const { kv } = configWith({ 'kv.consul.address': consul.address, 'kv.vault.address': vault.url })
  const values = createSecretValues({
    stores: createSecretStores(kv, dir, {}),
    env: {},
    secrets: {},
    log: pino({ level: 'silent' }),
    onArrival: () => {},
  })
  try {
    await values.load(placesOfReferences(text))
    const sources = {
      env: { NAME: 'n', EMPTY: '', TYK_SECRET_X: 'sx' },
      secrets: { up: 's', upper: 't' },
      basePath: dir,
      cwd: dir,
      values,
      ...changes,
    }
    const { text: substituted, unresolved } = substituteReferences(text, sources)
    const reasons = [...unresolved].map(([reference, { reason }]) => [reference, reason])
    return { x: (JSON.parse(substituted) as { x: unknown }).x, unresolved: Object.fromEntries(reasons) as unknown }
  } finally {
    await values.close()
  }
}

describe('a reference in a definition', () => {
  test.each([
    ['env://NAME', 'n'],
    ['secrets://up/x', 's/x'],
    ['secrets://upper-secrets://up', 't-s'],
    ['consul://up/x', 'http://up/x'],
    ['consul://upper', 'http://upper'],
    ['Basic vault://pw', 'Basic p"w\\'],
    ['vault://rate', '7'],
    ['file://motto', 'two\n"lines"'],
    ['profile://motto', 'profile://motto'],
    ['kv://consul/own/key#a/b', 'deep'],
    ['kv://vault/secret/gw.key', 'k'],
    ['a $kv{vault:secret/gw#key} $kv{env:x} b', 'a k sx b'],
    // What a value holds is not looked up in turn.
    ['consul://chain', 'vault://pw and $kv{env:x}'],
  ])('%j becomes %j', async (value, expected) => {
    expect(await substitute(value)).toEqual({ x: expected, unresolved: {} })
  })

  test.each([
    ['consul://absent/x', { 'consul://absent/x': 'Consul has no such key below tyk-apis/' }],
    ['vault://absent', { 'vault://absent': 'Vault has no such field in secret/tyk-apis' }],
    ['secrets://absent', { 'secrets://absent': 'the secrets map has no such key' }],
    ['kv://consul/absent', { 'kv://consul/absent': 'kv://consul/absent: Consul has no key absent' }],
    ['$kv{nowhere:x}', { '$kv{nowhere:x}': expect.stringContaining('there is no store nowhere') as unknown }],
    ['file://absent', { 'file://absent': 'file://absent: cannot be read (ENOENT)' }],
    ['file://absent, hidden', { 'file://absent': 'file://absent: cannot be read (ENOENT)' }],
    ['file://pipe', { 'file://pipe': 'file://pipe: it is not a file' }],
    ['env://EMPTY', {}],
    ['env://ABSENT', {}],
  ])('%j stays, and is told unless it is a variable', async (value, unresolved) => {
    expect(await substitute(value)).toEqual({ x: value, unresolved })
  })

  test('one that stays does not keep the others from being replaced', async () => {
    const { x } = await substitute('$kv{env:x} $kv{consul:absent} consul://up')
    expect(x).toBe('sx $kv{consul:absent} http://up')
  })

  test('one that is resolved as a target is still missed where else it stands', async () => {
    const { kv } = configWith({ 'kv.consul.address': consul.address })
    const stores = createSecretStores(kv, dir, {})
    const log = pino({ level: 'silent' })
    const values = createSecretValues({ stores, env: {}, secrets: {}, log, onArrival: () => {} })
    const sources = { env: {}, secrets: {}, basePath: '', cwd: dir, values }
    const reference = 'consul://own/target'
    const missed = async (domain: string): Promise<string[]> => {
      const text = JSON.stringify({ domain, proxy: { target_url: reference } })
      await values.load(placesOfReferences(text))
      const substituted = substituteReferences(text, sources)
      const definition = decodeDefinition(JSON.parse(substituted.text))
      await values.load(placesOfRouting(definition))
      const put: string[] = []
      const routed = resolveRouting(definition, sources, substituted.unresolved, put)
      expect([routed.proxy.target_url, put]).toEqual(['http://routed', ['http://routed']])
      return [...substituted.unresolved.keys()]
    }
    try {
      expect(await missed('a.test')).toEqual([])
      expect(await missed(reference)).toEqual([reference])
    } finally {
      await values.close()
    }
  })

  test('without a folder for files, file:// is no reference', async () => {
    expect(await substitute('file://motto', { basePath: '' })).toEqual({ x: 'file://motto', unresolved: {} })
  })

  test('where stores are not asked, what refers to them stays without a word', async () => {
    const value = 'consul://up vault://pw $kv{vault:secret/gw#key} $kv{env:x}'
    expect(await substitute(value, { values: null })).toEqual({
      x: 'consul://up vault://pw $kv{vault:secret/gw#key} sx',
      unresolved: {},
    })
  })
})
