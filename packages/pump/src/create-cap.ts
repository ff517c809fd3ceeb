import type { SourceList } from '@tek/analytics-record'
import type { LeaseCapConfig } from './config/schema.ts'
import { type Delivery, withdrawFromAll } from './delivery/index.ts'
import {
  BLOCK,
  type CapHooks,
  type CapPolicy,
  DropOldest,
  LeaseCap,
  type LeaseStore,
  LeasedSize,
  type Size,
} from './lease/index.ts'
import type { Log } from './log/log.ts'
import type { RedisConnection } from './redis/connection.ts'
import { DISK_PATIENCE_MS, Spill, type SpillFolder, SpillStore } from './spill/index.ts'
import type { PumpTimings } from './timings.ts'

export interface CapMaterials {
  readonly config: LeaseCapConfig
  readonly store: LeaseStore
  readonly owner: string
  readonly sources: readonly SourceList[]
  readonly deliveries: readonly Delivery[]
  readonly redis: RedisConnection
  /** For policy spill. */
  readonly folder: SpillFolder | null
  readonly timings: PumpTimings
  /** What is given up is booked. */
  readonly ledger: boolean
  readonly onTrouble: (error: unknown) => void
  readonly log: Log
}

/** Returns what makes the cap on leases for an engine; undefined when none is configured. */
export function capCreator(materials: CapMaterials): ((hooks: CapHooks) => LeaseCap) | undefined {
  const { config, store, sources, timings, onTrouble, log } = materials
  const limits = { bytes: config.max_bytes || Infinity, records: config.max_records || Infinity }
  if (limits.bytes === Infinity && limits.records === Infinity) return undefined
  return (hooks) => {
    const { takePart, isStopping } = hooks
    const size = new LeasedSize(store, sources, undefined, onTrouble)
    const policy = createPolicy(materials, limits, hooks)
    return new LeaseCap({
      store,
      sources,
      size,
      limits,
      policy,
      takePart,
      onTrouble,
      isStopping,
      logEveryMs: timings.logEveryMs,
      log,
    })
  }
}

function createPolicy(materials: CapMaterials, limits: Size, hooks: CapHooks): CapPolicy {
  const { config, store, owner, sources, deliveries, redis, folder, timings, ledger, onTrouble, log } = materials
  const withdraw: ConstructorParameters<typeof DropOldest>[0]['withdraw'] = (segment, before) =>
    withdrawFromAll(deliveries, segment, before)
  const common = { limits, withdraw, onTrouble, logEveryMs: timings.logEveryMs, log }
  switch (config.policy) {
    case 'block':
      return BLOCK
    case 'drop-oldest':
      return new DropOldest({
        ...common,
        held: hooks.held,
        onSegmentGone: hooks.forget,
        isStopping: hooks.isStopping,
      })
    case 'spill': {
      if (folder === null) throw new Error('policy spill without its folder')
      folder.patienceMs = Math.min(DISK_PATIENCE_MS, timings.attemptTimeoutMs)
      return new Spill({
        ...common,
        maxBytes: config.spill_max_bytes || Infinity,
        folder,
        spills: new SpillStore({ client: redis.client, owner, ownerTtlMs: timings.ownerTtlMs }),
        leases: store,
        sources,
        sinks: deliveries.map(({ name }) => name),
        hooks,
        countLive: (segment) => deliveries.filter((one) => isLive(one) && one.needs(segment, segment.total)).length,
        isLive: (sink) => deliveries.some((one) => one.name === sink && isLive(one)),
        ledger,
        scanEveryMs: timings.recoverEveryMs,
        retryMs: timings.heldRetryMs,
      })
    }
  }
}

/** It takes records, as far as is known. */
function isLive({ state }: Delivery): boolean {
  return state.status === 'ok'
}
