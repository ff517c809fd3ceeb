import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../test/support/redis.ts'
import { number, spreadText, table } from '../lib/markdown.ts'
import { processTime, residentMb } from '../lib/proc.ts'
import { startPump } from '../lib/programs/pump.ts'
import { fillRecords } from '../lib/records.ts'
import type { Scenario } from '../lib/scenario.ts'
import { startSink } from '../lib/sink/start-sink.ts'
import { openStage } from '../lib/stage.ts'
import { spreadOf } from '../lib/statistics.ts'

interface WaitingRound {
  /** The most at any look. */
  readonly rssMb: number
  /** At the last look. */
  readonly lastRssMb: number
  readonly corePercent: number
  /** From the first bulk request, once the sink was up, to the last. */
  readonly deliverySeconds: number
  readonly rssAfterMb: number
}

const MOST_ROUNDS = 3
const LOOK_MS = 200

/** How much memory the pump takes while its sink is down and Redis is full; then the sink comes, and all must arrive. */
export const pumpWaiting: Scenario = {
  name: 'pump-waiting',
  title: 'Pump while records wait and the sink is down',
  seconds: ({ rounds, waitingRecords, quick }) =>
    Math.min(rounds, MOST_ROUNDS) * (3 + waitingRecords / 15_000 + waitSeconds(quick)),
  async run({ rounds, waitingRecords, quick }) {
    const all: WaitingRound[] = []
    for (let round = 0; round < Math.min(rounds, MOST_ROUNDS); round++)
      all.push(await waitOnce(waitingRecords, waitSeconds(quick)))
    const of = (figure: keyof WaitingRound) => spreadOf(all.map((one) => one[figure]))
    return {
      report: [
        `${number(waitingRecords, 0)} records wait, the pump runs for ${waitSeconds(quick)} s with nobody at the address ` +
          `of its sink; then the counting Elasticsearch starts there. ${all.length} rounds. All records arrived once.`,
        table(
          ['', 'median (lowest to highest)'],
          [
            ['RSS MB while they wait, most', spreadText(of('rssMb'), 0)],
            ['RSS MB while they wait, at the end', spreadText(of('lastRssMb'), 0)],
            ['of its core % while they wait', spreadText(of('corePercent'), 1)],
            ['seconds to deliver them once the sink was up', spreadText(of('deliverySeconds'), 1)],
            ['RSS MB after that', spreadText(of('rssAfterMb'), 0)],
          ],
        ),
      ],
      findings: [{ id: 'pump-waiting', value: of('rssMb'), byCpu: null }],
      warnings: [],
      bars: [],
      raw: all,
    }
  },
}

const waitSeconds = (quick: boolean): number => (quick ? 3 : 15)

async function waitOnce(count: number, seconds: number): Promise<WaitingRound> {
  await using stage = await openStage()
  await fillRecords(stage.redis, count)
  const port = await freePort()
  const { pid } = (await startPump(stage, port)).process
  const looks: number[] = []
  const cpuBefore = processTime(pid)
  for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs; await delay(LOOK_MS))
    looks.push(residentMb(pid))
  const corePercent = ((processTime(pid) - cpuBefore) / seconds) * 100
  const sink = await startSink(stage, port)
  const { firstMs, lastMs } = await sink.untilArrived(count)
  return {
    rssMb: Math.max(...looks),
    lastRssMb: looks.at(-1) ?? NaN,
    corePercent,
    deliverySeconds: (lastMs - firstMs) / 1000,
    rssAfterMb: residentMb(pid),
  }
}
