import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { ANALYTICS_KEY_PREFIX, sourceLists } from '@tek/analytics-record'
import type { PumpConfig } from './config/load.ts'
import type { CoreConfig } from './config/schema.ts'
import { logRedisTrouble } from './connect.ts'
import { capCreator } from './create-cap.ts'
import type { CreatedSink } from './create-sinks.ts'
import { DeadLetters, openStores } from './dead-letters/index.ts'
import { Delivery } from './delivery/index.ts'
import { compilePrepare } from './filter/index.ts'
import { ChunkCache, LeaseEngine, LeaseStore, type SegmentDeps } from './lease/index.ts'
import type { Log } from './log/log.ts'
import type { Instrumentation } from './metrics/statsd.ts'
import type { RedisConnection } from './redis/connection.ts'
import { keyPrefixOf } from './redis/options.ts'
import type { SpillFolder } from './spill/index.ts'
import type { PumpTimings } from './timings.ts'

/** Records and bytes read from Redis at a time: bounds memory however long a list is. */
const CHUNK_RECORDS = 1000
const CHUNK_BYTES = 1024 * 1024

/** Chunks that several sinks share, so that each is read and decoded once. */
const SHARED_CHUNKS = 4

export interface Materials {
  readonly config: PumpConfig
  readonly sinks: readonly CreatedSink[]
  readonly redis: RedisConnection
  readonly metrics: Instrumentation
  readonly timings: PumpTimings
  readonly workingDirectory: string
  /** For a cap on leases whose policy is spill. */
  readonly spillFolder: SpillFolder | null
  readonly log: Log
}

export interface Parts {
  readonly engine: LeaseEngine
  readonly deliveries: readonly Delivery[]
  readonly deadLetters: DeadLetters
}

/** Puts leases, dead letters and one delivery per sink together. Nothing runs yet. */
export function assemble(materials: Materials): Parts {
  const { config, sinks, redis, workingDirectory, log } = materials
  const prefix = keyPrefixOf(config.core.analytics_storage_config, ANALYTICS_KEY_PREFIX)
  const onTrouble = logRedisTrouble(redis, log, config.core.purge_delay * 1000)
  const deadLetters = new DeadLetters({ ...openStores(config, redis, workingDirectory, log), log })
  // Each knows the other only by a function, called once both are there.
  const deliveries: Delivery[] = sinks.map((sink) =>
    buildDelivery(sink, materials, deadLetters, onTrouble, (segment) => engine.forget(segment)),
  )
  const engine = buildEngine(materials, prefix, deliveries, deadLetters, onTrouble)
  return { engine, deliveries, deadLetters }
}

function buildDelivery(
  { configured, sink, batching, log }: CreatedSink,
  { config, metrics, timings }: Materials,
  deadLetters: DeadLetters,
  onRedisTrouble: (error: unknown) => void,
  onSegmentGone: ConstructorParameters<typeof Delivery>[0]['onSegmentGone'],
): Delivery {
  const { name, definition, options } = configured
  return new Delivery({
    name,
    displayName: definition.displayName,
    sink,
    batching,
    prepare: compilePrepare(options, config.core.max_record_size),
    timeoutMs: options.timeout * 1000,
    settings: timings,
    ledger: config.core.ledger,
    log,
    pushDeadLetters: (letters) => deadLetters.push(letters),
    onRedisTrouble,
    onSegmentGone,
    onDelivered: (durationMs) => metrics.timing(`purge_time_${definition.displayName}`, durationMs),
  })
}

function buildEngine(
  { config, redis, metrics, timings, spillFolder: folder, log }: Materials,
  prefix: string,
  deliveries: readonly Delivery[],
  deadLetters: DeadLetters,
  onTrouble: (error: unknown) => void,
): LeaseEngine {
  const names = deliveries.map(({ name }) => name)
  const owner = `${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`
  const sources = sourceLists(prefix)
  const store = new LeaseStore({
    client: redis.client,
    owner,
    sinks: names,
    ownerTtlMs: timings.ownerTtlMs,
  })
  const cap = { store, owner, sources, deliveries, redis, folder, timings, ledger: config.core.ledger, onTrouble, log }
  const createCap = capCreator({ ...cap, config: config.core.lease_cap })
  return new LeaseEngine({
    store,
    sources,
    ...(createCap && { createCap }),
    segmentDeps: segmentDeps(store, config.core, deliveries.length, deadLetters, metrics, log),
    onSegment: (segment, offsets) => {
      for (const [index, delivery] of deliveries.entries()) {
        const offset = offsets[index] ?? null
        if (offset !== null) delivery.offer(segment, offset)
      }
    },
    onTrouble,
    onTaken: (durationMs) => metrics.timing('purge_time_all', durationMs),
    sinks: names,
    takeEveryMs: Math.min(config.core.purge_delay * 1000, timings.mostTakeMs),
    ownerTtlMs: timings.ownerTtlMs,
    recoverEveryMs: timings.recoverEveryMs,
    scanEveryMs: timings.scanEveryMs,
    returnWithinMs: timings.returnWithinMs,
    logEveryMs: timings.logEveryMs,
    log,
  })
}

function segmentDeps(
  store: LeaseStore,
  core: CoreConfig,
  sinkCount: number,
  deadLetters: DeadLetters,
  metrics: Instrumentation,
  log: Log,
): SegmentDeps {
  return {
    store,
    cache: new ChunkCache(sinkCount > 1 ? SHARED_CHUNKS : 0),
    maxRecords: core.purge_chunk > 0 ? Math.min(core.purge_chunk, CHUNK_RECORDS) : CHUNK_RECORDS,
    maxBytes: CHUNK_BYTES,
    keepUndecodable: (source, { raw, error }) => {
      log.error({ analytic_key: source.key }, `Couldn't unmarshal analytics data:${error ?? ''}`)
      return deadLetters.push([{ raw, source, sink: null, reason: error ?? '', errorType: 'undecodable', index: null }])
    },
    ledger: core.ledger,
    onDecoded: (count) => metrics.records(count),
  }
}
