import type { ExplorerConfig } from '../config/load.ts'
import { createElasticsearchStore } from './elasticsearch/index.ts'
import type { Store } from './types.ts'

/** Opens the configured store. One that is away is opened all the same: the page says so, and it recovers. */
export async function openStore(config: ExplorerConfig): Promise<Store> {
  if (config.store === 'elasticsearch') {
    const timeoutMs = config.timeout * 1000
    const { url, index, username, password, api_key: apiKey, ca_file: caFile } = config.elasticsearch
    return createElasticsearchStore({ url, index, username, password, apiKey, caFile, timeoutMs })
  }
  // Loaded where it is used: the other store needs no SQLite.
  const { createSqliteStore } = await import('./sqlite/index.ts')
  return createSqliteStore({ path: config.sqlite.file })
}
