import { closedLoop, type LoadResult } from '../lib/closed-loop/wrk.ts'
import { number, table } from '../lib/markdown.ts'
import type { BenchOptions } from '../lib/options.ts'
import type { GeneratorReport } from '../lib/open-loop/requests.ts'
import { openLoop } from '../lib/open-loop/open-loop.ts'
import { LOAD_CORE } from '../lib/processes.ts'
import { startGateway } from '../lib/programs/gateway.ts'
import { startPeer } from '../lib/programs/peers.ts'
import { countAndClear } from '../lib/records.ts'
import { compareRounds, disturbancesOf, figuresTable, pairsTable } from '../lib/report.ts'
import { type Contender, type Measured, type StartContender, startsOf, takeTurns, turnsSeconds } from '../lib/rounds.ts'
import type { Scenario } from '../lib/scenario.ts'
import { openStage } from '../lib/stage.ts'
import { change, median } from '../lib/statistics.ts'

type OpenLoopResult = GeneratorReport & LoadResult

const PROGRAMS = 4
/** A p99 hangs on the moments in which the machine stands still; it takes more time than throughput. */
const ROUNDS_TIMES = 3
const SECONDS_TIMES = 2
const DIRECT = 'straight to the upstream'

/** Requests at a constant rate, a third of what the gateway can do in a closed loop, where it is cheaper: what analytics costs those who wait for an answer. */
export const constantRate: Scenario = {
  name: 'constant-rate',
  title: 'Constant rate, keyless',
  seconds: (options) => PROGRAMS * (options.warmUpSeconds + turnsSeconds(turnsOf(options))),
  async run(options) {
    await using stage = await openStage()
    const gateway = (name: string, analytics: boolean) => async (): Promise<Contender> => ({
      name,
      ours: true,
      records: analytics ? stage.redis : null,
      ...(await startGateway(stage, { analytics })),
    })
    const gateways = [gateway('gateway', true), gateway('gateway, analytics off', false)]
    const starts = [
      ...gateways,
      () => startPeer(stage, { name: 'nginx', peer: 'nginx' }, {}),
      () => startPeer(stage, { name: DIRECT, peer: 'upstream' }, {}),
    ]
    const perSecond = await thirdOfTheSlowest(gateways, options)
    const load = async ({ target }: Contender, seconds: number): Promise<OpenLoopResult> => ({
      ...(await openLoop(target, { perSecond, seconds, connections: options.connections })),
      megabytesPerSecond: NaN,
    })
    const turns = turnsOf(options)
    const measured = await takeTurns(starts, { ...turns, settleSeconds: 0, underWay: 0 }, load)
    return {
      rounds: turns.rounds,
      seconds: turns.seconds,
      starts: startsOf(turns.rounds),
      report: [
        `Open loop, ${number(perSecond, 0)} requests a second over at most ${options.connections} connections: a third of ` +
          `what the slower of the two gateways answers in a closed loop. Latency counts from the time a request was due.`,
        figuresTable(measured),
        pairsTable(measured, 'gateway'),
        overheadText(measured),
      ],
      findings: [
        {
          id: 'analytics-p99',
          value: compareRounds(measured, ['gateway', 'gateway, analytics off'], 'p99Ms', change),
          byCpu: null,
        },
      ],
      warnings: disturbancesOf(measured, [DIRECT]),
      bars: [],
      raw: { perSecond, measured },
    }
  },
}

const turnsOf = (options: BenchOptions): BenchOptions => ({
  ...options,
  rounds: options.rounds * ROUNDS_TIMES,
  seconds: options.seconds * SECONDS_TIMES,
})

async function thirdOfTheSlowest(
  gateways: readonly StartContender[],
  { connections, warmUpSeconds }: { connections: number; warmUpSeconds: number },
): Promise<number> {
  const most: number[] = []
  for (const start of gateways) {
    const { target, process, records } = await start()
    const load = { seconds: warmUpSeconds, connections, cores: LOAD_CORE }
    await closedLoop(target, load)
    most.push((await closedLoop(target, load)).perSecond)
    await process.stop()
    if (records !== null) await countAndClear(records)
  }
  return Math.max(100, Math.floor(Math.min(...most) / 3 / 100) * 100)
}

/** What the load generator adds itself: part of every latency above, most plainly of those without a gateway. */
function overheadText(measured: Measured<OpenLoopResult>): string {
  const rows = Object.entries(measured).map(([name, samples]) => {
    const of = (figure: keyof GeneratorReport): number => median(samples.map((sample) => sample[figure]))
    return [name, number(of('lateP50Ms'), 2), number(of('lateP99Ms'), 2), number(of('ownCpuMicros'), 1)]
  })
  return [
    'The generator’s own part, which is in the latencies above: how late it sent, and its processor time. What it and the',
    `upstream need without a program in between is the row “${DIRECT}”.`,
    '',
    table(['load on', 'sent late, p50 ms', 'sent late, p99 ms', 'generator CPU µs/request'], rows),
  ].join('\n')
}
