import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { listens, LOAD_CORE, type Running, start, untilReady } from '../processes.ts'
import type { Stage } from '../stage.ts'
import type { SinkCounts } from './counting-elasticsearch.ts'

const program = fileURLToPath(new URL('counting-elasticsearch.ts', import.meta.url))
const STALLED_MS = 30_000
const LOOK_MS = 50
/** Long enough for a batch that is sent twice to come again. */
const QUIET_MS = 1000

export interface Sink {
  readonly process: Running
  /**
   * Begins to count anew.
   *
   * @param answerAfterMs - How long each answer to a bulk request is to wait from now on; 0 unless said otherwise.
   */
  reset(answerAfterMs?: number): Promise<void>
  /**
   * Waits until this many documents arrived.
   *
   * @throws When nothing arrives for half a minute, or more than that many do: neither loss nor copies count as speed.
   */
  untilArrived(documents: number): Promise<SinkCounts>
}

/** Starts the counting Elasticsearch beside Redis, away from the pump's core. */
export async function startSink(stage: Stage, port: number): Promise<Sink> {
  const process = stage.keep(start([globalThis.process.execPath, program, String(port)], LOAD_CORE))
  await untilReady(process, () => listens(port))
  const ask = async (what: string): Promise<SinkCounts> =>
    (await (await fetch(`http://127.0.0.1:${port}/bench/${what}`)).json()) as SinkCounts
  return {
    process,
    reset: async (answerAfterMs = 0) => void (await ask(`reset?answer_after_ms=${answerAfterMs}`)),
    async untilArrived(documents) {
      let counts = await ask('counts')
      for (let since = performance.now(); counts.documents < documents;) {
        if (performance.now() - since > STALLED_MS) throw new Error(stalled(counts.documents, documents))
        await delay(LOOK_MS)
        const before = counts.documents
        counts = await ask('counts')
        if (counts.documents > before) since = performance.now()
      }
      await delay(QUIET_MS)
      const { documents: arrived, answeredMs } = await ask('counts')
      if (arrived !== documents) throw new Error(`${documents} records waited, but ${arrived} documents arrived`)
      // The last answers came only now.
      return { ...counts, answeredMs }
    },
  }
}

const stalled = (arrived: number, documents: number): string =>
  `${documents} records waited, but only ${arrived} documents arrived, and no more for ${STALLED_MS / 1000} s`
