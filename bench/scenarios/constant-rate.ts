import { closedLoop, type LoadResult } from '../lib/closed-loop/wrk.ts'
import { number, table } from '../lib/markdown.ts'
import type { GeneratorReport } from '../lib/open-loop/requests.ts'
import { openLoop } from '../lib/open-loop/open-loop.ts'
import { LOAD_CORE } from '../lib/processes.ts'
import { startGateway } from '../lib/programs/gateway.ts'
import { startPeer } from '../lib/programs/peers.ts'
import { disturbancesOf, figuresTable, pairsTable, valuesOf } from '../lib/report.ts'
import { type Contender, takeTurns } from '../lib/rounds.ts'
import type { Scenario } from '../lib/scenario.ts'
import { openStage } from '../lib/stage.ts'
import { change, median, spreadOfPairs } from '../lib/statistics.ts'

const PROGRAMS = 4
/** A p99 of a few seconds hangs on the moments in which the machine stands still; it takes more rounds than throughput. */
const ROUNDS_TIMES = 3
const DIRECT = 'straight to the upstream'

/** Requests at a constant rate, a third of what the gateway can do in a closed loop, where it is cheaper: what analytics costs those who wait for an answer. */
export const constantRate: Scenario = {
  name: 'constant-rate',
  title: 'Constant rate, keyless',
  seconds: ({ rounds, seconds, warmUpSeconds }) =>
    PROGRAMS * (2 * warmUpSeconds + ROUNDS_TIMES * rounds * (seconds + 2)),
  async run(options) {
    await using stage = await openStage()
    const start = async (name: string, analytics: boolean): Promise<Contender> => ({
      name,
      ours: true,
      records: analytics ? stage.redis : null,
      ...(await startGateway(stage, { analytics })),
    })
    const gateways = [await start('gateway', true), await start('gateway, analytics off', false)]
    const contenders = [
      ...gateways,
      await startPeer(stage, { name: 'nginx', peer: 'nginx' }, {}),
      await startPeer(stage, { name: DIRECT, peer: 'upstream' }, {}),
    ]
    const perSecond = await thirdOfTheSlowest(gateways, options)
    const reports = new Map<string, GeneratorReport[]>(contenders.map(({ name }) => [name, []]))
    const load = async ({ name, target }: Contender, seconds: number): Promise<LoadResult> => {
      const report = await openLoop(target, { perSecond, seconds, connections: options.connections })
      reports.get(name)?.push(report)
      return { ...report, megabytesPerSecond: NaN }
    }
    const rounds = options.rounds * ROUNDS_TIMES
    const measured = await takeTurns(contenders, { ...options, rounds, settleSeconds: 0, underWay: 0 }, load)
    const p99 = (name: string): number[] => valuesOf(measured[name] ?? [], 'p99Ms')
    return {
      rounds,
      report: [
        `Open loop, ${number(perSecond, 0)} requests a second over at most ${options.connections} connections: a third of ` +
          `what the slower of the two gateways answers in a closed loop. Latency counts from the time a request was due.`,
        figuresTable(measured),
        pairsTable(measured, 'gateway'),
        overheadText(reports, rounds),
      ],
      findings: [
        {
          id: 'analytics-p99',
          value: spreadOfPairs(p99('gateway'), p99('gateway, analytics off'), change),
          byCpu: null,
        },
      ],
      warnings: disturbancesOf(measured, [DIRECT]),
      bars: [],
      raw: { perSecond, measured },
    }
  },
}

async function thirdOfTheSlowest(
  gateways: readonly Contender[],
  { connections, warmUpSeconds }: { connections: number; warmUpSeconds: number },
): Promise<number> {
  const most: number[] = []
  for (const { target } of gateways) {
    const load = { seconds: warmUpSeconds, connections, cores: LOAD_CORE }
    await closedLoop(target, load)
    most.push((await closedLoop(target, load)).perSecond)
  }
  return Math.max(100, Math.floor(Math.min(...most) / 3 / 100) * 100)
}

/** What the load generator adds itself: part of every latency above, most plainly of those without a gateway. */
function overheadText(reports: ReadonlyMap<string, readonly GeneratorReport[]>, rounds: number): string {
  const rows = [...reports].map(([name, all]) => {
    // The first report is the warm-up's.
    const of = (figure: keyof GeneratorReport): number => median(all.slice(-rounds).map((report) => report[figure]))
    return [name, number(of('lateP50Ms'), 2), number(of('lateP99Ms'), 2), number(of('ownCpuMicros'), 1)]
  })
  return [
    'The generator’s own part, which is in the latencies above: how late it sent, and its processor time. What it and the',
    `upstream need without a program in between is the row “${DIRECT}”.`,
    '',
    table(['load on', 'sent late, p50 ms', 'sent late, p99 ms', 'generator CPU µs/request'], rows),
  ].join('\n')
}
