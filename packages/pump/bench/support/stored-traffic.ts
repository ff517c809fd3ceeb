import { performance } from 'node:perf_hooks'
import { dirname } from 'node:path'
import { pino } from 'pino'
import { sqlSink } from '../../src/sinks/sql/index.ts'
import { optionsOf } from '../../test/support/sink-options.ts'
import { type TrafficOptions, trafficRecord } from './traffic.ts'

/** The rows of one transaction, so that each `write` is one. */
const BATCH = 200

const never = new AbortController().signal

/** Stores a traffic in a SQLite file. Returns how long each transaction took, in milliseconds. */
export async function storeTraffic(
  path: string,
  traffic: TrafficOptions,
  more: Readonly<Record<string, unknown>>,
): Promise<number[]> {
  const options = optionsOf(sqlSink.options, { type: 'sqlite', connection_string: path, ...more })
  const log = pino({ level: 'silent' })
  const sink = sqlSink.create(options, { name: 'BENCH', log, workingDirectory: dirname(path) })
  const took: number[] = []
  for (let from = 0; from < traffic.count; from += BATCH) {
    const length = Math.min(BATCH, traffic.count - from)
    const batch = Array.from({ length }, (_, i) => trafficRecord(from + i, traffic))
    const startMs = performance.now()
    const verdicts = await sink.write(batch, never)
    took.push(performance.now() - startMs)
    if (!verdicts.every((verdict) => verdict === 'delivered')) throw new Error('a record was not stored')
  }
  await sink.close()
  return took
}

/** Sum, and the times that one in a hundred and none took longer than, in milliseconds. */
export function summary(took: readonly number[]): { sum: number; p99: number; most: number } {
  const sorted = took.toSorted((a, b) => a - b)
  const sum = took.reduce((total, ms) => total + ms, 0)
  return { sum, p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0, most: sorted.at(-1) ?? 0 }
}
