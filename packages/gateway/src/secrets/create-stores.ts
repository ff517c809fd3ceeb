import type { GatewayConfig } from '../config/schema.ts'
import { createConsul } from './consul.ts'
import { readSecretFile } from './secret-file.ts'
import { type SecretStore, SecretStoreError, type StoredPlace } from './store.ts'
import { createVault } from './vault.ts'

export type SecretStores = Readonly<Record<StoredPlace['store'], SecretStore>>

type KvOptions = GatewayConfig['kv']

/** The stores that the configuration names. One that it does not name refuses every read and says what to set. */
export function createSecretStores(kv: KvOptions, cwd: string, env: NodeJS.ProcessEnv): SecretStores {
  const { consul, vault, file } = kv
  return {
    consul: unsetKeyOf('consul', kv) === null ? createConsul(consul, env) : unset('consul', kv),
    vault: unsetKeyOf('vault', kv) === null ? createVault(vault, env) : unset('vault', kv),
    file: { read: async (path) => readSecretFile(path, { basePath: file.base_path, cwd }), close: async () => {} },
  }
}

interface AddressesAndToken {
  readonly consul: Pick<KvOptions['consul'], 'address'>
  readonly vault: Pick<KvOptions['vault'], 'address' | 'agent_address' | 'token'>
}

/** What has to be set before a store can be asked; null: it can. */
export function unsetKeyOf(store: 'consul' | 'vault', { consul, vault }: AddressesAndToken): string | null {
  if (store === 'consul') return consul.address === '' ? 'kv.consul.address (TYK_GW_KV_CONSUL_ADDRESS)' : null
  const { address, agent_address, token } = vault
  return address === '' && agent_address === '' && token === '' ? 'kv.vault.address (TYK_GW_KV_VAULT_ADDRESS)' : null
}

function unset(store: 'consul' | 'vault', kv: KvOptions): SecretStore {
  const key = unsetKeyOf(store, kv)
  return {
    read: () => Promise.reject(new SecretStoreError('refused', `${key} is not set`)),
    close: async () => {},
  }
}
