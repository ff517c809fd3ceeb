import type { Delivery } from '../delivery/index.ts'
import type { SinkStatus } from '../delivery/sink-state.ts'
import type { Backlog, LeaseCapReport } from '../lease/index.ts'

/** What `/ready` answers. Names are in snake case because it is read by scripts and dashboards. */
export interface PumpStatus {
  readonly ready: boolean
  readonly redis: { readonly status: 'up' | 'down'; readonly last_error: string | null }
  /** Leases held in Redis, over all lists. */
  readonly leases: number
  /** Dead letters that wait, wherever they are kept; null when that cannot be asked in time. */
  readonly dead_letters: number | null
  /** By name of the sink: what waits for sinks that neither this pump nor another living one has. */
  readonly waiting_for_sinks_not_configured: Readonly<Record<string, Backlog>>
  /** Absent: leases have no cap. */
  readonly lease_cap?: LeaseCapReport
  readonly sinks: Readonly<Record<string, SinkReport>>
}

export interface SinkReport {
  readonly type: string
  readonly status: SinkStatus
  readonly last_error: string | null
  /** Time of the oldest record that did not arrive yet; of one that was not read yet, when it was taken. */
  readonly oldest_unshipped: string | null
  readonly taken: number
  readonly delivered: number
  readonly filtered: number
  readonly dead_lettered: number
  readonly dropped: number
  readonly pending: number
}

export function reportSink(delivery: Delivery, type: string): SinkReport {
  const { counters, state } = delivery
  const oldest = delivery.oldestPending()
  return {
    type,
    status: state.status,
    last_error: state.lastError,
    oldest_unshipped: oldest === null ? null : toIso(oldest.seconds, oldest.nanos),
    taken: counters.taken,
    delivered: counters.delivered,
    filtered: counters.filtered,
    dead_lettered: counters.deadLettered,
    dropped: counters.dropped,
    pending: counters.pending,
  }
}

/** A record may carry a year that JavaScript cannot show. */
function toIso(seconds: number, nanos: number): string | null {
  const time = new Date(seconds * 1000 + nanos / 1e6)
  return Number.isNaN(time.getTime()) ? null : time.toISOString()
}

export function isReady(redisUp: boolean, sinks: readonly SinkReport[]): boolean {
  return redisUp && sinks.every(({ status }) => status !== 'failing' && status !== 'held')
}
