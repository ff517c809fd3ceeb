import type { MetricFamily, Sample } from './exposition.ts'
import type { ApiRequests, ProcessFigures } from './process-figures.ts'

/** The figures of a gateway as a whole. */
export interface GatewayFigures {
  /** Of all its processes together, those that have ended included. */
  readonly total: ProcessFigures
  /** Processes that serve. */
  readonly processes: number
  /** Processes that ended before the gateway did. */
  readonly processesLost: number
  readonly redisIsUp: boolean
  readonly apisLoaded: number
  readonly reloadsDone: number
  readonly reloadsFailed: number
}

const CLASS_NAMES = ['other', '1xx', '2xx', '3xx', '4xx', '5xx']

const LATELY = 'in the last 10 s, in the slowest process'

/** What `/metrics` shows, in its order. */
export function metricFamilies(figures: GatewayFigures, version: string): readonly MetricFamily[] {
  const { total } = figures
  const { records, loopDelay } = total
  return [
    gauge('tyk_gateway_info', 'The version; always 1.', { labels: { version }, value: 1 }),
    gauge('tyk_gateway_redis_up', '1 when every process reaches Redis, else 0.', { value: Number(figures.redisIsUp) }),
    gauge('tyk_gateway_apis_loaded', 'APIs that are served.', { value: figures.apisLoaded }),
    counter(
      'tyk_gateway_reloads_total',
      'Reloads since the start, the first load not included.',
      { labels: { result: 'done' }, value: figures.reloadsDone },
      { labels: { result: 'failed' }, value: figures.reloadsFailed },
    ),
    gauge('tyk_gateway_processes', 'Processes that serve requests.', { value: figures.processes }),
    counter('tyk_gateway_processes_lost_total', 'Processes that ended while the gateway was running.', {
      value: figures.processesLost,
    }),
    counter(
      'tyk_gateway_requests_total',
      'Requests that an API has answered or refused, by class of status.',
      ...requestSamples(total.requests),
    ),
    counter('tyk_gateway_records_pushed_total', 'Analytics records made: the sum of written, dropped and buffered.', {
      value: records.pushed,
    }),
    counter('tyk_gateway_records_written_total', 'Analytics records that Redis has confirmed.', {
      value: records.written,
    }),
    counter('tyk_gateway_records_dropped_total', 'Analytics records that were given up.', { value: records.dropped }),
    gauge('tyk_gateway_records_buffered', 'Analytics records not written yet.', { value: records.buffered }),
    gauge('tyk_gateway_records_buffered_bytes', 'Their encoded size, without those of the last 0.1 s.', {
      value: records.bufferedBytes,
    }),
    counter('tyk_gateway_records_uncounted_total', 'Written records that Redis did not take into the ledger.', {
      value: records.uncounted,
    }),
    gauge('process_resident_memory_bytes', 'Resident memory of all processes.', { value: total.residentBytes }),
    gauge('nodejs_eventloop_lag_p50_seconds', `Median delay of timers ${LATELY}.`, { value: loopDelay.median }),
    gauge('nodejs_eventloop_lag_p99_seconds', `Delay of one timer in a hundred ${LATELY}.`, { value: loopDelay.p99 }),
    gauge('nodejs_eventloop_lag_max_seconds', `Longest delay of a timer ${LATELY}.`, { value: loopDelay.max }),
  ]
}

const counter = (name: string, help: string, ...samples: Sample[]): MetricFamily => ({
  name,
  type: 'counter',
  help,
  samples,
})

const gauge = (name: string, help: string, ...samples: Sample[]): MetricFamily => ({
  name,
  type: 'gauge',
  help,
  samples,
})

function requestSamples(requests: readonly ApiRequests[]): Sample[] {
  return requests.flatMap(([apiId, counts]) =>
    counts.flatMap((value, i) =>
      value === 0 ? [] : [{ labels: { api_id: apiId, code: CLASS_NAMES[i] ?? '' }, value }],
    ),
  )
}
