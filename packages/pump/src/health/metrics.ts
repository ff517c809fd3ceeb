import type { Counts } from '../delivery/counters.ts'
import type { SinkStatus } from '../delivery/sink-state.ts'
import type { Delivery } from '../delivery/index.ts'
import type { Lag } from '../metrics/event-loop-lag.ts'
import { type Family, type Labels, type Sample, formatFamilies } from '../metrics/exposition.ts'
import { version } from '../version.ts'
import type { PumpStatus } from './status.ts'

/** What `/metrics` is made of. All of it is of one instant. */
export interface MetricsInput {
  readonly status: PumpStatus
  readonly deliveries: readonly Delivery[]
  readonly deadLettersEvicted: number
  /** Memory that leases of all pumps take in Redis; null: it was not measured. */
  readonly leasedBytes: number | null
  readonly lag: Lag
  readonly now: number
}

const STATES: readonly SinkStatus[] = ['connecting', 'ok', 'failing', 'held']

/** The pump's metrics in Prometheus text form. Names and meanings are listed in docs/observing.md. */
export function formatMetrics(input: MetricsInput): string {
  return formatFamilies([...pumpFamilies(input), ...sinkFamilies(input), ...processFamilies(input)])
}

function pumpFamilies({ status, leasedBytes, deadLettersEvicted }: MetricsInput): Family[] {
  const waiting = Object.entries(status.waiting_for_sinks_not_configured)
  return [
    gauge('tyk_pump_info', 'Version of the pump; always 1.', [[{ version }, 1]]),
    gauge('tyk_pump_ready', 'What /ready answers: 1 for 200, 0 for 503.', one(Number(status.ready))),
    gauge(
      'tyk_pump_redis_up',
      'Whether Redis can be asked, and takes writes.',
      one(Number(status.redis.status === 'up')),
    ),
    gauge('tyk_pump_leases_held', 'Leases this pump holds in Redis.', one(status.leases)),
    gauge('tyk_pump_leased_bytes', 'Memory that leases of all pumps take in Redis.', one(leasedBytes)),
    ...capFamilies(status),
    gauge('tyk_pump_dead_letters', 'Dead letters that wait for a person.', one(status.dead_letters)),
    counter(
      'tyk_pump_dead_letters_evicted_total',
      'Dead letters dropped because there was no room for them.',
      one(deadLettersEvicted),
    ),
    gauge(
      'tyk_pump_records_waiting_for_absent_sink',
      'Records that wait for a sink no running pump has.',
      waiting.map(([sink, { records }]) => [{ sink }, records]),
    ),
  ]
}

/** Nothing of it is known without a cap on leases. */
function capFamilies({ lease_cap: cap }: PumpStatus): Family[] {
  const known = (value: number | boolean | undefined): readonly Sample[] =>
    one(value === undefined ? null : Number(value))
  const spilled = cap?.spilled
  return [
    gauge('tyk_pump_leased_records', 'Records that leases of all pumps hold in Redis.', known(cap?.leased_records)),
    gauge('tyk_pump_lease_cap_reached', '1: leases hold as much as they may.', known(cap?.reached)),
    counter('tyk_pump_blocked_takings_total', 'Takings left out because of that.', known(cap?.blocked_takings)),
    gauge('tyk_pump_spilled_records', 'Records in spill files.', known(spilled?.records)),
    gauge('tyk_pump_spilled_bytes', 'Bytes of spill files.', known(spilled?.bytes)),
    counter(
      'tyk_pump_spill_damaged_records_total',
      'Records not read back from files.',
      known(spilled?.damaged_records),
    ),
    gauge(
      'tyk_pump_spill_missing_segments',
      'Spill files that Redis says are in the folder and that are not.',
      known(spilled?.missing_segments),
    ),
    gauge(
      'tyk_pump_spill_unreadable_segments',
      'Spill files that could not be read at the last try.',
      known(spilled?.unreadable_segments),
    ),
  ]
}

function sinkFamilies({ deliveries, now }: MetricsInput): Family[] {
  const each = (value: (delivery: Delivery) => number | null): Sample[] =>
    deliveries.map((delivery) => [labelsOf(delivery), value(delivery)])
  const count = (name: keyof Counts): Sample[] => each(({ counters }) => counters[name])
  return [
    gauge(
      'tyk_pump_records_taken',
      'Records this pump has taken for the sink, less those another pump has taken over.',
      count('taken'),
    ),
    counter('tyk_pump_records_delivered_total', 'Records the target has accepted.', count('delivered')),
    counter('tyk_pump_records_filtered_total', "Records the sink's filters keep from it.", count('filtered')),
    counter('tyk_pump_records_dead_total', 'Records that became dead letters.', count('deadLettered')),
    counter('tyk_pump_records_dropped_total', 'Records given up by a cap, or lost with Redis.', count('dropped')),
    gauge('tyk_pump_records_pending', 'Records taken of which nothing has become yet.', count('pending')),
    gauge(
      'tyk_pump_identity_ok',
      '1: taken = delivered + filtered + dead + dropped + pending, and the leases hold as many records as are pending.',
      each((delivery) => Number(delivery.counters.balance(delivery.unsettled()))),
    ),
    gauge('tyk_pump_records_in_flight', 'Pending records in batches that are being sent.', count('inFlight')),
    counter(
      'tyk_pump_records_handed_over_total',
      'Records another pump has taken over, or that went to a file.',
      count('handedOver'),
    ),
    counter('tyk_pump_records_retried_total', 'Records to be sent again, each time.', count('retried')),
    counter('tyk_pump_batches_total', 'Batches sent.', count('batches')),
    counter('tyk_pump_batch_failures_total', 'Batches that failed as a whole.', count('failures')),
    gauge(
      'tyk_pump_sink_state',
      '1 for the state the sink is in.',
      deliveries.flatMap((delivery) =>
        STATES.map((state): Sample => [{ ...labelsOf(delivery), state }, Number(delivery.state.status === state)]),
      ),
    ),
    gauge(
      'tyk_pump_last_error_age_seconds',
      'Since the target failed last; absent when it never did.',
      each(({ state }) => (state.lastErrorAt === null ? null : ageOf(state.lastErrorAt, now))),
    ),
    gauge(
      'tyk_pump_oldest_unshipped_age_seconds',
      'Age of the oldest pending record by its own time; 0 when none is pending.',
      each((delivery) => {
        const oldest = delivery.oldestPending()
        return oldest === null ? 0 : ageOf(oldest.seconds * 1000 + oldest.nanos / 1e6, now)
      }),
    ),
  ]
}

function processFamilies({ lag, now }: MetricsInput): Family[] {
  const { user, system } = process.cpuUsage()
  return [
    gauge('process_resident_memory_bytes', 'Resident memory.', one(process.memoryUsage.rss())),
    counter('process_cpu_seconds_total', 'Processor time, user and system.', one((user + system) / 1e6)),
    gauge('process_start_time_seconds', 'When the process started.', one(Math.round(now / 1000 - process.uptime()))),
    gauge('nodejs_heap_size_used_bytes', 'Heap in use.', one(process.memoryUsage().heapUsed)),
    gauge('nodejs_eventloop_lag_p99_seconds', 'How late timers run, 99th percentile of the last minute.', one(lag.p99)),
    gauge('nodejs_eventloop_lag_max_seconds', 'How late timers ran at most in the last minute.', one(lag.max)),
  ]
}

const labelsOf = ({ name }: Delivery): Labels => ({ sink: name })

const one = (value: number | null): readonly Sample[] => [[{}, value]]

/** A record's clock may be ahead of this one. */
const ageOf = (ms: number, now: number): number => Math.max(0, (now - ms) / 1000)

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: 'gauge', help, samples }
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: 'counter', help, samples }
}
