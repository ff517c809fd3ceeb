import { freePort } from '../../test/support/redis.ts'
import { number, spreadText, table } from '../lib/markdown.ts'
import { startPump } from '../lib/programs/pump.ts'
import { deliver, type Delivery } from '../lib/pump-delivery.ts'
import { disturbances } from '../lib/report.ts'
import { longRounds, startsOf } from '../lib/rounds.ts'
import type { Scenario } from '../lib/scenario.ts'
import { type Sink, startSink } from '../lib/sink/start-sink.ts'
import { openStage, type Stage } from '../lib/stage.ts'
import { ratio, spreadOf } from '../lib/statistics.ts'

/** A time that an Elasticsearch which stores may well take for a thousand records. */
const ANSWER_AFTER_MS = 50
/** Bulk requests in flight, `bulk_config.workers`; the first is the default. */
const WORKERS = [1, 2, 4, 8] as const
const FOUR = 4
/** Of all records of a round: most of the time is spent waiting. Many more bulks than may be in flight. */
const SHARE = 4
const LEAST_RECORDS = 30_000
/** Each round has a pump of its own for each number of bulks. */
const ROUNDS_OF_A_START = 1

/** What several bulks in flight are good for: a sink that takes its time with each. */
export const pumpDelayed: Scenario = {
  name: 'pump-delayed',
  title: 'Pump, one core, into an Elasticsearch that takes its time',
  seconds: ({ rounds, pumpRecords }) => longRounds(rounds) * WORKERS.length * (6 + countOf(pumpRecords) / 25_000),
  async run({ rounds: shortRounds, pumpRecords }) {
    const rounds = longRounds(shortRounds)
    const count = countOf(pumpRecords)
    await using stage = await openStage()
    const port = await freePort()
    const sink = await startSink(stage, port)
    const all = new Map(WORKERS.map((workers): [number, Delivery[]] => [workers, []]))
    for (let round = 0; round < rounds; round++) {
      for (const workers of round % 2 === 0 ? WORKERS : WORKERS.toReversed())
        all.get(workers)?.push(await deliverWith(stage, { sink, port, workers, count }))
    }
    const of = (workers: number, figure: keyof Delivery): number[] => (all.get(workers) ?? []).map((one) => one[figure])
    const spread = (workers: number, figure: keyof Delivery) => spreadOf(of(workers, figure), ROUNDS_OF_A_START)
    const againstOne = (workers: number) =>
      spreadOf(
        of(workers, 'perSecond').map((value, i) => ratio(value, of(1, 'perSecond')[i] ?? NaN)),
        ROUNDS_OF_A_START,
      )
    return {
      rounds,
      starts: startsOf(rounds, ROUNDS_OF_A_START),
      report: [
        `${number(count, 0)} records wait at once; each bulk request is answered ${ANSWER_AFTER_MS} ms after it was read. ` +
          `\`bulk_config.workers\` says how many may be in flight. Medians (lowest to highest).`,
        table(
          [
            'bulks in flight',
            'records/s',
            'against one',
            'documents a bulk',
            'CPU µs/record',
            'of its core %',
            'sink, of the other core %',
            'RSS MB',
          ],
          WORKERS.map((workers) => [
            String(workers),
            spreadText(spread(workers, 'perSecond'), 0),
            spreadText(againstOne(workers), 2),
            spreadText(spread(workers, 'bulkRecords'), 0),
            spreadText(spread(workers, 'cpuMicros'), 1),
            spreadText(spread(workers, 'corePercent'), 0),
            spreadText(spread(workers, 'sinkPercent'), 0),
            spreadText(spread(workers, 'rssMb'), 0),
          ]),
        ),
      ],
      findings: [
        { id: 'pump-delayed', value: spread(1, 'perSecond'), byCpu: null },
        { id: 'pump-delayed-four', value: againstOne(FOUR), byCpu: null },
      ],
      warnings: disturbances(WORKERS.flatMap((workers) => of(workers, 'otherPercent'))),
      bars: [],
      raw: Object.fromEntries(all),
    }
  },
}

const countOf = (pumpRecords: number): number => Math.max(LEAST_RECORDS, pumpRecords / SHARE)

interface DeliverWith {
  readonly sink: Sink
  readonly port: number
  readonly workers: number
  readonly count: number
}

const WARM_UP_SHARE = 2

async function deliverWith(stage: Stage, { sink, port, workers, count }: DeliverWith): Promise<Delivery> {
  const { process } = await startPump(stage, port, { bulkWorkers: workers })
  await deliver(stage, sink, process.pid, { count: Math.ceil(count / WARM_UP_SHARE) })
  const delivery = await deliver(stage, sink, process.pid, { count, answerAfterMs: ANSWER_AFTER_MS })
  await process.stop()
  return delivery
}
