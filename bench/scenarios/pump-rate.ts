import { freePort } from '../../test/support/redis.ts'
import { number, spreadText, table } from '../lib/markdown.ts'
import { startPump } from '../lib/programs/pump.ts'
import { deliver, type Delivery } from '../lib/pump-delivery.ts'
import { longRounds, startsOf } from '../lib/rounds.ts'
import type { Scenario } from '../lib/scenario.ts'
import { startSink } from '../lib/sink/start-sink.ts'
import { disturbances } from '../lib/report.ts'
import { openStage } from '../lib/stage.ts'
import { spreadOf } from '../lib/statistics.ts'

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
    const all: Delivery[] = []
    while (all.length < rounds) {
      const { process } = await startPump(stage, port)
      await deliver(stage, sink, process.pid, { count: Math.min(WARM_UP_RECORDS, pumpRecords) })
      for (const end = Math.min(rounds, all.length + ROUNDS_OF_A_START); all.length < end;)
        all.push(await deliver(stage, sink, process.pid, { count: pumpRecords }))
      await process.stop()
    }
    const of = (figure: keyof Delivery) =>
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
