import { coreTime, processTime, residentMb } from './proc.ts'
import { TEST_CORE } from './processes.ts'
import { fillRecords } from './records.ts'
import type { Sink } from './sink/start-sink.ts'
import type { Stage } from './stage.ts'

/** What it took a pump to deliver records. */
export interface Delivery {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly corePercent: number
  /** Share of the pump's core that others took. */
  readonly otherPercent: number
  /** Share of the other core that the counting server used. */
  readonly sinkPercent: number
  readonly rssMb: number
  readonly recordBytes: number
  readonly bulkRecords: number
}

export interface DeliveryOptions {
  /** Records that wait at once. */
  readonly count: number
  /** How long the sink waits with each answer; 0 unless said otherwise. */
  readonly answerAfterMs?: number
}

/**
 * Lets a pump carry records from Redis into the counting Elasticsearch. The time counts from the first bulk request to the last,
 * which leaves out the documents of the first; where answers wait, from there to the last answer, which leaves out none.
 *
 * @throws When a document is missing, or one too many came.
 */
export async function deliver(
  stage: Stage,
  sink: Sink,
  pid: number,
  { count, answerAfterMs = 0 }: DeliveryOptions,
): Promise<Delivery> {
  await sink.reset(answerAfterMs)
  const recordBytes = await fillRecords(stage.redis, count)
  const before = { cpu: processTime(pid), core: coreTime(TEST_CORE), ms: performance.now() }
  const arrived = await sink.untilArrived(count)
  const cpu = processTime(pid) - before.cpu
  const others = coreTime(TEST_CORE) - before.core - cpu
  const [endMs, documents] =
    answerAfterMs === 0 ? [arrived.lastMs, count - arrived.firstDocuments] : [arrived.answeredMs, count]
  const seconds = (endMs - arrived.firstMs) / 1000
  return {
    perSecond: documents / seconds,
    cpuMicros: (cpu / count) * 1e6,
    corePercent: (cpu / seconds) * 100,
    otherPercent: Math.max(0, (others / ((performance.now() - before.ms) / 1000)) * 100),
    sinkPercent: (arrived.cpuSeconds / seconds) * 100,
    rssMb: residentMb(pid),
    recordBytes,
    bulkRecords: count / arrived.bulks,
  }
}
