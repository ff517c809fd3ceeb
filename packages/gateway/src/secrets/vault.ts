import type { GatewayConfig } from '../config/schema.ts'
import { createStoreClient } from './store-client.ts'
import { encodedStorePath } from './store-path.ts'
import { type SecretStore, SecretStoreError } from './store.ts'

export type VaultOptions = GatewayConfig['kv']['vault']

/** Where Vault's own clients look when they are told nothing. */
const LOCAL = 'https://127.0.0.1:8200'

/**
 * Vault's key-value engine, version 1 or 2, by `GET /v1/…`. A path is that of a secret, engine first, as in
 * `secret/gateway`; what stands there are its fields.
 *
 * @param env - for the proxies that it names.
 */
export function createVault(options: VaultOptions, env: NodeJS.ProcessEnv): SecretStore {
  const isVersioned = options.kv_version === 2
  const client = createStoreClient({
    name: 'Vault',
    origin: vaultOrigin(options),
    headers: {
      // An agent with an identity of its own takes requests without a token.
      ...(options.token === '' ? {} : { 'x-vault-token': options.token }),
      // An agent can be told to refuse what lacks it: a browser that was tricked does not send it.
      'x-vault-request': 'true',
    },
    timeoutMs: options.timeout,
    retries: options.max_retries,
    saysMissing: isOwnDocument,
    hasStandbys: true,
    env,
    keys: {
      address: 'kv.vault.address (TYK_GW_KV_VAULT_ADDRESS)',
      token: 'kv.vault.token (TYK_GW_KV_VAULT_TOKEN) and what it may read',
    },
  })
  return {
    async read(path) {
      const where = isVersioned ? versionedPath(path) : path
      const document = await client.get(`/v1/${encodedStorePath(where)}`)
      const outer = membersOf(document)?.['data']
      const fields = membersOf(isVersioned ? membersOf(outer)?.['data'] : outer)
      if (document === null || (isVersioned && isDeleted(outer))) {
        throw new SecretStoreError(
          'missing',
          `Vault has no secret at ${where} (${describeVersion(options.kv_version)})`,
        )
      }
      if (fields === null) {
        throw new SecretStoreError(
          'refused',
          `Vault answered in another form than expected (${describeVersion(options.kv_version)})`,
        )
      }
      return fields
    },
    close: () => client.close(),
  }
}

/** The agent's address counts before that of the server. */
export function vaultOrigin({ address, agent_address }: Pick<VaultOptions, 'address' | 'agent_address'>): string {
  if (agent_address !== '') return agent_address
  return address === '' ? LOCAL : address
}

const describeVersion = (version: number): string =>
  `engine version ${version}: check kv.vault.kv_version (TYK_GW_KV_VAULT_KVVERSION)`

/** The engine's second version has the secrets themselves below `data/`. */
function versionedPath(path: string): string {
  const slash = path.indexOf('/')
  return slash === -1 ? path : `${path.slice(0, slash)}/data/${path.slice(slash + 1)}`
}

/** A server that is not Vault has another form for what it does not know. */
function isOwnDocument(body: string): boolean {
  try {
    const members = membersOf(JSON.parse(body))
    return members !== null && ('errors' in members || 'data' in members)
  } catch {
    return false
  }
}

/** The current version of the secret was deleted: what is left is about it. */
const isDeleted = (outer: unknown): boolean => {
  const members = membersOf(outer)
  return members !== null && members['data'] === null && membersOf(members['metadata']) !== null
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
