import { freePort } from '../../test/support/redis.ts'
import { number, spreadText, table } from '../lib/markdown.ts'
import { coreTime, processTime, residentMb } from '../lib/proc.ts'
import { TEST_CORE } from '../lib/processes.ts'
import { startPump } from '../lib/programs/pump.ts'
import { fillRecords } from '../lib/records.ts'
import { longRounds, startsOf } from '../lib/rounds.ts'
import type { Scenario } from '../lib/scenario.ts'
import { type Sink, startSink } from '../lib/sink/start-sink.ts'
import { disturbances } from '../lib/report.ts'
import { openStage, type Stage } from '../lib/stage.ts'
import { spreadOf } from '../lib/statistics.ts'

export interface PumpRound {
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

const WARM_UP_RECORDS = 50_000
const ROUNDS_OF_A_START = 2

/** How fast the pump carries records from Redis into an Elasticsearch that does nothing but count. */
export const pumpRate: Scenario = {
  name: 'pump-rate',
  title: 'Pump, one core, into a counting Elasticsearch',
  seconds: ({ rounds, pumpRecords }) => 1.25 * longRounds(rounds) * (4 + pumpRecords / 30_000),
  async run({ rounds: shortRounds, pumpRecords }) {
    const rounds = longRounds(shortRounds)
    await using stage = await openStage()
    const port = await freePort()
    const sink = await startSink(stage, port)
    const all: PumpRound[] = []
    while (all.length < rounds) {
      const { process } = await startPump(stage, port)
      await deliver(stage, sink, process.pid, Math.min(WARM_UP_RECORDS, pumpRecords))
      for (const end = Math.min(rounds, all.length + ROUNDS_OF_A_START); all.length < end;)
        all.push(await deliver(stage, sink, process.pid, pumpRecords))
      await process.stop()
    }
    const of = (figure: keyof PumpRound) =>
      spreadOf(
        all.map((one) => one[figure]),
        ROUNDS_OF_A_START,
      )
    return {
      rounds,
      starts: startsOf(rounds, ROUNDS_OF_A_START),
      report: [
        `${number(pumpRecords, 0)} records of ${number(of('recordBytes').median, 0)} bytes wait at once, and each round ` +
          'ends when as many documents have arrived, no more and no less. The time counts from the first bulk request to the last.',
        table(
          ['', 'median (lowest to highest)'],
          [
            ['records/s', spreadText(of('perSecond'), 0)],
            ['CPU µs/record', spreadText(of('cpuMicros'), 1)],
            ['of its core %', spreadText(of('corePercent'), 0)],
            ['others there %', spreadText(of('otherPercent'), 0)],
            ['counting server, of the other core %', spreadText(of('sinkPercent'), 0)],
            ['documents a bulk', spreadText(of('bulkRecords'), 0)],
            ['RSS MB', spreadText(of('rssMb'), 0)],
          ],
        ),
      ],
      findings: [
        {
          id: 'pump-rate',
          value: of('perSecond'),
          byCpu: spreadOf(
            all.map(({ cpuMicros }) => 1e6 / cpuMicros),
            ROUNDS_OF_A_START,
          ),
        },
      ],
      warnings: disturbances(all.map((one) => one.otherPercent)),
      bars: [],
      raw: all,
    }
  },
}

async function deliver(stage: Stage, sink: Sink, pid: number, count: number): Promise<PumpRound> {
  await sink.reset()
  const recordBytes = await fillRecords(stage.redis, count)
  const before = { cpu: processTime(pid), core: coreTime(TEST_CORE), ms: performance.now() }
  const arrived = await sink.untilArrived(count)
  const cpu = processTime(pid) - before.cpu
  const others = coreTime(TEST_CORE) - before.core - cpu
  const seconds = (arrived.lastMs - arrived.firstMs) / 1000
  return {
    perSecond: (count - arrived.firstDocuments) / seconds,
    cpuMicros: (cpu / count) * 1e6,
    corePercent: (cpu / seconds) * 100,
    otherPercent: Math.max(0, (others / ((performance.now() - before.ms) / 1000)) * 100),
    sinkPercent: (arrived.cpuSeconds / seconds) * 100,
    rssMb: residentMb(pid),
    recordBytes,
    bulkRecords: count / arrived.bulks,
  }
}
