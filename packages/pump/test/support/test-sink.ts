import type { AnalyticsRecord } from '@tek/analytics-record'
import type { PumpRecord, Sink, SinkBatching, SinkDefinition, Verdict } from '../../src/sinks/types.ts'

type Answer = (batch: readonly PumpRecord[], signal: AbortSignal) => Promise<readonly Verdict[]> | readonly Verdict[]

/** A sink at the far end of delivery that does what its test says. */
export interface TestSink extends SinkDefinition {
  /** Every batch it was given, as the paths of its records. */
  readonly batches: string[][]
  /** Which of them may have arrived before. */
  readonly again: (boolean | undefined)[]
  /** Records it called delivered, in order. */
  readonly delivered: PumpRecord[]
  readonly paths: () => string[]
  /** What `write` does; set it at any time. */
  answer: Answer
  check: () => Promise<void>
  closed: boolean
}

export const allDelivered: Answer = (batch) => batch.map(() => 'delivered' as const)

const EAGER: SinkBatching = { maxRecords: 100, maxBytes: 1_000_000, inFlight: 1, flushIntervalMs: 0 }

export function createTestSink(type: string, batching: Partial<SinkBatching> = {}): TestSink {
  const state: TestSink = {
    type,
    displayName: `${type} pump`,
    envPrefix: `TYK_PMP_PUMPS_${type.toUpperCase()}_META`,
    options: {},
    batching: () => ({ ...EAGER, ...batching }),
    create: () => sink,
    batches: [],
    again: [],
    delivered: [],
    paths: () => state.delivered.map(({ record }) => record.path),
    answer: allDelivered,
    check: async () => undefined,
    closed: false,
  }
  const sink: Sink = {
    write: async (batch, signal, again) => {
      state.again.push(again)
      state.batches.push(batch.map(({ record }: { record: AnalyticsRecord }) => record.path))
      const verdicts = await state.answer(batch, signal)
      state.delivered.push(...batch.filter((_, index) => verdicts[index] === 'delivered'))
      return verdicts
    },
    check: () => state.check(),
    close: async () => {
      state.closed = true
    },
  }
  return state
}
