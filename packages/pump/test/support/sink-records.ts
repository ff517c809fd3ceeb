import { type AnalyticsRecord, emptyRecord } from '@tek/analytics-record'
import { pino } from 'pino'
import type { Log } from '../../src/log/log.ts'
import type { PumpRecord, SinkDeps } from '../../src/sinks/types.ts'

/** A keyless `GET /httpbin/get` as the gateway of the published walk-through records it. */
export function keylessRecord(changes: Partial<AnalyticsRecord> = {}): AnalyticsRecord {
  return {
    ...emptyRecord(),
    method: 'GET',
    host: 'httpbin:80',
    path: '/get',
    rawPath: '/get',
    userAgent: 'curl/7.67.0',
    day: 10,
    month: 1,
    year: 2020,
    hour: 20,
    responseCode: 200,
    apiKey: '00000000',
    timestamp: { seconds: 1_578_687_533, nanos: 123_456_789 },
    apiVersion: 'Non Versioned',
    apiName: 'httpbin',
    apiId: 'httpbin',
    requestTime: 4,
    latency: { total: 4, upstream: 3, gateway: 1 },
    ipAddress: '172.22.0.1',
    tags: ['key-00000000', 'api-httpbin'],
    expireAt: { seconds: 1_579_292_333, nanos: 0 },
    originalPath: '/httpbin/get',
    listenPath: '/httpbin/',
    ...changes,
  }
}

/** A `GET /httpbin-jwt/get` whose token says `sub: foo@bar.com`. */
export function jwtRecord(changes: Partial<AnalyticsRecord> = {}): AnalyticsRecord {
  return keylessRecord({
    timestamp: { seconds: 1_578_687_667, nanos: 4_120_300 },
    alias: 'foo@bar.com',
    apiId: 'httpbin-jwt',
    apiName: 'httpbin-jwt',
    apiKey: 'df992c71',
    requestTime: 7,
    latency: { total: 7, upstream: 6, gateway: 1 },
    tags: ['pol-5e189590801287e42a6cf5ce', 'user-foo@bar.com', 'key-df992c71', 'api-httpbin-jwt'],
    originalPath: '/httpbin-jwt/get',
    listenPath: '/httpbin-jwt/',
    ...changes,
  })
}

export function pumpRecord(record: AnalyticsRecord, id: string): PumpRecord {
  return { record, id, sizeBytes: 700 }
}

/** Records whose API ids are `api0`, `api1`, … and whose ids differ. */
export function numberedBatch(count: number): PumpRecord[] {
  return Array.from({ length: count }, (_, i) => pumpRecord(keylessRecord({ apiId: `api${i}` }), `id-${i}`))
}

export interface TestDeps extends SinkDeps {
  /** What the sink logged, one object per line. */
  readonly lines: readonly Record<string, unknown>[]
}

export function sinkDeps(workingDirectory = '.'): TestDeps {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  const log: Log = pino({ level: 'debug' }, stream)
  return { name: 'TEST', log, workingDirectory, lines }
}
