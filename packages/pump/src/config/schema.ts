import { coreOptions } from './core-options.ts'
import { deadLetterOptions } from './dead-letter-options.ts'
import { kvOptions } from './kv-options.ts'
import { leaseCapOptions } from './lease-cap-options.ts'
import type { ConfigOf, ConfigSection } from './section.ts'
import { sinkOptions } from './sink-options.ts'
import { storageOptions } from './storage-options.ts'
import { uptimeOptions } from './uptime-options.ts'

/** Every key of pump.conf except the entries of `pumps`, which sinkOptions and each sink's own options describe. */
export const pumpConfig = {
  ...coreOptions,
  analytics_storage_config: storageOptions,
  uptime_pump_config: uptimeOptions,
  kv: kvOptions,
  dead_letters: deadLetterOptions,
  lease_cap: leaseCapOptions,
} as const satisfies ConfigSection

export { sinkOptions }

export type CoreConfig = ConfigOf<typeof pumpConfig>
export type StorageConfig = ConfigOf<typeof storageOptions>
export type DeadLetterConfig = ConfigOf<typeof deadLetterOptions>
export type LeaseCapConfig = ConfigOf<typeof leaseCapOptions>
export type SinkOptions = ConfigOf<typeof sinkOptions>
