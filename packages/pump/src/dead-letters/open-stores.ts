import { resolve } from 'node:path'
import { ANALYTICS_KEY_PREFIX } from '@tek/analytics-record'
import { findDeadLetterSink } from '../config/dead-letter-sink.ts'
import type { PumpConfig } from '../config/load.ts'
import { ConfigError } from '../errors.ts'
import { deadLetterKeys } from '../lease/index.ts'
import type { Log } from '../log/log.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { keyPrefixOf } from '../redis/options.ts'
import { createFileStore } from './file-store.ts'
import { createRedisStore } from './redis-store.ts'
import type { DeadLetterStore } from './store.ts'

export interface DeadLetterPlaces {
  /** The configured one. */
  readonly store: DeadLetterStore
  /** The list in Redis, which may be the configured one. */
  readonly fallback: DeadLetterStore
}

/** Opens the places of dead letters. Nothing is connected to yet. */
export function openStores(
  config: PumpConfig,
  redis: RedisConnection,
  workingDirectory: string,
  log: Log,
): DeadLetterPlaces {
  const { core } = config
  const { destination, file, max_bytes: maxBytes, max_entries: maxEntries } = core.dead_letters
  const keys = deadLetterKeys(keyPrefixOf(core.analytics_storage_config, ANALYTICS_KEY_PREFIX))
  const fallback = createRedisStore({ client: redis.client, keys, maxEntries, maxBytes })
  if (destination === 'redis') return { store: fallback, fallback }
  if (destination === 'file')
    return { store: createFileStore({ path: resolve(workingDirectory, file), maxBytes }), fallback }
  return { store: openIndex(config, workingDirectory, log), fallback }
}

function openIndex(config: PumpConfig, workingDirectory: string, log: Log): DeadLetterStore {
  const found = findDeadLetterSink(config.core.dead_letters, config.sinks)
  const store =
    'problem' in found
      ? undefined
      : found.definition.deadLetters?.(found.meta, { name: found.name, log, workingDirectory })
  // Loading the configuration has looked for such a sink already.
  if (store === undefined) throw new ConfigError('dead_letters: no sink keeps them in an index')
  return store
}
