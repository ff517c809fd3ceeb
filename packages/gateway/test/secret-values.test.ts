import { describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { createLogger } from '../src/log/logger.ts'
import { createSecretStores } from '../src/secrets/create-stores.ts'
import { createSecretValues, type SecretValues, type SecretValuesOptions } from '../src/secrets/secret-values.ts'
import { SecretStoreError, type StoredPlace } from '../src/secrets/store.ts'
import { startConsul, startVault } from './support/secret-servers.ts'
import { configWith } from './support/steps.ts'

const REFRESH_MS = 20

interface Fixture extends AsyncDisposable {
  readonly values: SecretValues
  readonly lines: string[]
}

function valuesOf(kv: Record<string, string>, changes: Partial<SecretValuesOptions> = {}): Fixture {
  const lines: string[] = []
  const settings = Object.fromEntries(Object.entries(kv).map(([key, value]) => [`kv.${key}`, value]))
  const config = configWith({
    'kv.consul.wait_time': 1000,
    'kv.vault.timeout': 1000,
    'kv.vault.max_retries': 0,
    ...settings,
  })
  const write = (line: string): void => {
    const { level, message, time: _, ...fields } = JSON.parse(line) as Record<string, unknown>
    lines.push([level, message, ...Object.values(fields)].join(' | '))
  }
  const values = createSecretValues({
    stores: createSecretStores(config.kv, '/', {}),
    env: { TYK_SECRET_X: 'from env' },
    secrets: { y: 'from secrets' },
    log: createLogger({ format: 'json', level: 'info', destination: { write } }),
    onArrival: () => {},
    refreshMs: REFRESH_MS,
    ...changes,
  })
  return { values, lines, [Symbol.asyncDispose]: () => values.close() }
}

const consulKey = (path: string): StoredPlace => ({ store: 'consul', path })
const vaultSecret = (path: string): StoredPlace => ({ store: 'vault', path })

describe('variables', () => {
  test('have what the stores have, and follow it', async () => {
    await using consul = await startConsul()
    await using vault = await startVault()
    consul.keys.set('a/b', 'one')
    vault.secrets.set('secret/gw', { key: 'k', other: 'o' })
    await using fixture = valuesOf({ 'consul.address': consul.address, 'vault.address': vault.url })
    const { values } = fixture
    const places = [consulKey('a/b'), vaultSecret('secret/gw'), vaultSecret('secret/gw')]
    await values.load(places)
    // Two fields, one request.
    expect(vault.requests).toHaveLength(1)
    const variables = ['$secret_consul.a/b', '$secret_vault.secret/gw.key', '$kv{vault:secret/gw#other}'].map((token) =>
      values.variable(token),
    )
    expect(variables.map(({ text }) => text)).toEqual(['one', 'k', 'o'])
    values.retain(places, [])
    consul.keys.set('a/b', 'zwei ü')
    vault.secrets.set('secret/gw', { key: 'k2', other: 'o' })
    await eventually(() => expect(variables.map(({ text }) => text)).toEqual(['zwei Ã¼', 'k2', 'o']))
    expect(fixture.lines).toEqual([])
  })

  test('of the environment and the secrets map need no store', async () => {
    await using fixture = valuesOf({})
    const texts = ['$kv{env:x}', 'kv://secrets/y'].map((token) => fixture.values.variable(token).text)
    expect(texts).toEqual(['from env', 'from secrets'])
  })

  test('keep what was known while the store is away, and are told about once', async () => {
    await using vault = await startVault()
    vault.secrets.set('secret/gw', { key: 'k' })
    await using fixture = valuesOf({ 'vault.address': vault.url })
    const { values, lines } = fixture
    const places = [vaultSecret('secret/gw')]
    await values.load(places)
    const variable = values.variable('$secret_vault.secret/gw.key')
    values.retain(places, [])
    vault.trouble = 403
    await eventually(() => expect(lines).toHaveLength(1))
    const seen = vault.requests.length
    await eventually(() => expect(vault.requests.length).toBeGreaterThan(seen + 2))
    expect(variable.text).toBe('k')
    expect(lines).toEqual([
      expect.stringMatching(
        /^error \| Secrets cannot be read, what is known .* \| Vault at .* answered 403: .* \| vault$/,
      ),
    ])
    vault.trouble = null
    await eventually(() => expect(lines[1]).toBe('info | Secret store answers again | vault'))
  })

  test('are empty once the store says that nothing is there', async () => {
    await using consul = await startConsul()
    consul.keys.set('k', 'v')
    await using fixture = valuesOf({ 'consul.address': consul.address })
    const { values, lines } = fixture
    await values.load([consulKey('k')])
    const variable = values.variable('$secret_consul.k')
    values.retain([consulKey('k')], [])
    consul.keys.delete('k')
    await eventually(() => expect(variable.text).toBe(''))
    expect(lines).toEqual(['error | Secret variable is empty | Consul has no key k | $secret_consul.k'])
  })

  test.each([
    ['$secret_vault.secret/gw.absent', /there is no field absent \|/],
    ['$secret_vault.secret/gw.lines', /the value has control characters, which no header may have \|/],
    ['$secret_vault.nodot', /name a field of the secret/],
    ['$secret_consul.k', /kv\.consul\.address \(TYK_GW_KV_CONSUL_ADDRESS\) is not set \|/],
    ['$kv{nowhere:k}', /there is no store nowhere/],
  ])('%s is empty, and the log says why without the value', async (token, reason) => {
    await using vault = await startVault()
    vault.secrets.set('secret/gw', { lines: 'value\r\nX-Admin: 1' })
    await using fixture = valuesOf({ 'vault.address': vault.url })
    await fixture.values.load([vaultSecret('secret/gw'), consulKey('k')])
    expect(fixture.values.variable(token).text).toBe('')
    expect(fixture.lines.at(-1)).toMatch(reason)
    expect(fixture.lines.join()).not.toContain('X-Admin')
  })

  test('of another process are taken over, and read anew', async () => {
    await using consul = await startConsul()
    consul.trouble = 503
    await using fixture = valuesOf({ 'consul.address': consul.address })
    fixture.values.adopt([{ ...consulKey('k'), value: 'told' }])
    const variable = fixture.values.variable('$secret_consul.k')
    fixture.values.retain([consulKey('k')], [])
    expect(variable.text).toBe('told')
    expect(fixture.values.known()).toEqual([{ ...consulKey('k'), value: 'told' }])
    consul.keys.set('k', 'newer')
    consul.trouble = null
    await eventually(() => expect(variable.text).toBe('newer'))
  })
})

describe('places that loads need', () => {
  const knownOf = (values: SecretValues, place: StoredPlace): unknown => {
    try {
      return values.read(place)
    } catch (err) {
      if (err instanceof SecretStoreError) return err.failure
      throw err
    }
  }

  test('stay known when a later load cannot read them, until they are not needed any more', async () => {
    await using consul = await startConsul()
    consul.keys.set('tyk-apis/a', '1')
    await using fixture = valuesOf({ 'consul.address': consul.address })
    const { values } = fixture
    const folder = consulKey('tyk-apis/')
    await values.load([folder])
    values.retain([], [folder])
    await consul.close()
    await values.load([folder])
    expect(values.read(folder)).toEqual({ a: '1' })
    values.retain([], [])
    expect(knownOf(values, folder)).toBe('away')
  })

  test('are tried again in the background while their store is away; its return is told', async () => {
    await using vault = await startVault()
    await vault.close()
    let arrivals = 0
    await using fixture = valuesOf({ 'vault.address': vault.url }, { onArrival: () => arrivals++ })
    const place = vaultSecret('secret/tyk-apis')
    await fixture.values.load([place])
    fixture.values.retain([], [place])
    vault.secrets.set('secret/tyk-apis', { a: '1' })
    await vault.open()
    await eventually(() => expect(arrivals).toBe(1))
    expect(fixture.values.read(place)).toEqual({ a: '1' })
    const seen = vault.requests.length
    await fixture.values.load([place])
    expect([arrivals, vault.requests.length]).toEqual([1, seen + 1])
  })

  test('are tried again without haste while their store refuses', async () => {
    await using vault = await startVault()
    vault.secrets.set('secret/tyk-apis', { a: '1' })
    vault.trouble = 403
    let arrivals = 0
    await using fixture = valuesOf({ 'vault.address': vault.url }, { onArrival: () => arrivals++ })
    const place = vaultSecret('secret/tyk-apis')
    await fixture.values.load([place])
    fixture.values.retain([], [place])
    await eventually(() => expect(vault.requests.length).toBeGreaterThan(2))
    expect(arrivals).toBe(0)
    vault.trouble = null
    await eventually(() => expect(arrivals).toBe(1))
  })

  test('have not arrived when their store comes back without them', async () => {
    await using vault = await startVault()
    vault.trouble = 503
    let arrivals = 0
    await using fixture = valuesOf({ 'vault.address': vault.url }, { onArrival: () => arrivals++ })
    const place = vaultSecret('secret/tyk-apis')
    await fixture.values.load([place])
    fixture.values.retain([], [place])
    vault.trouble = null
    await eventually(() => expect(knownOf(fixture.values, place)).toBe('missing'))
    expect(arrivals).toBe(0)
  })

  test.each(['hang', 503] as const)(
    'of a store that was found to be away (%s) are not asked for by the next load',
    async (trouble) => {
      await using consul = await startConsul()
      consul.keys.set('later', 'v')
      consul.trouble = trouble
      let arrivals = 0
      await using fixture = valuesOf({ 'consul.address': consul.address }, { onArrival: () => arrivals++ })
      const { values } = fixture
      await values.load([consulKey('first')])
      const asked = consul.requests.length
      await values.load([consulKey('later')])
      expect(consul.requests).toHaveLength(asked)
      consul.trouble = null
      values.retain([], [consulKey('later')])
      await eventually(() => expect(arrivals).toBe(1))
      expect(values.read(consulKey('later'))).toBe('v')
    },
  )

  test('are waited for at the first load for a while only, and come when they come', async () => {
    await using consul = await startConsul()
    consul.keys.set('k', 'v')
    consul.trouble = 'hang'
    let arrivals = 0
    const changes = { firstWaitMs: 1, onArrival: () => arrivals++ }
    await using fixture = valuesOf({ 'consul.address': consul.address }, changes)
    const { values, lines } = fixture
    await values.load([consulKey('k')])
    await values.load([consulKey('k')])
    expect(lines).toEqual(['warning | Secret stores have not answered in time, the first load goes on without'])
    expect(knownOf(values, consulKey('k'))).toBe('away')
    consul.trouble = null
    values.retain([], [consulKey('k')])
    await eventually(() => expect(arrivals).toBe(1))
    expect(values.read(consulKey('k'))).toBe('v')
  })

  test('do not each wait for a store that is away', async () => {
    await using consul = await startConsul()
    await using fixture = valuesOf({ 'consul.address': consul.address })
    const places = Array.from({ length: 100 }, (_, i) => consulKey(`k${i}`))
    consul.trouble = 'hang'
    await fixture.values.load(places)
    // Eight at once, three attempts each.
    expect(consul.requests.length).toBeLessThanOrEqual(24)
    expect(places.map((place) => knownOf(fixture.values, place))).toEqual(places.map(() => 'away'))
    expect(fixture.lines).toHaveLength(1)
  })
})
