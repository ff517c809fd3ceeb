import { closedLoop } from '../lib/closed-loop/wrk.ts'
import { processTree } from '../lib/proc.ts'
import { BOTH_CORES, TEST_CORE } from '../lib/processes.ts'
import { startGateway } from '../lib/programs/gateway.ts'
import { compareRounds, disturbancesOf, figuresTable, inverse, pairsTable } from '../lib/report.ts'
import { type Contender, startsOf, takeTurns, turnsSeconds } from '../lib/rounds.ts'
import { type Scenario, SkippedError } from '../lib/scenario.ts'
import { openStage, type Stage } from '../lib/stage.ts'
import { ratio } from '../lib/statistics.ts'

const TWO = 'two workers, two cores'
const ONE = 'one worker, one core'

/**
 * Two workers against one. Where there are two cores only, load generator, upstream and Redis have to share them with the
 * workers. So that they slow both sides equally, one worker shares one core with all of them, and two workers share two.
 */
export const workers: Scenario = {
  name: 'workers',
  title: 'Two workers against one, keyless, analytics on',
  seconds: (options) => 2 * turnsSeconds(options),
  async run(options) {
    await using both = await openStage({ cores: BOTH_CORES, upstreamWorkers: 2 })
    await using single = await openStage({ cores: TEST_CORE })
    const starts = [() => startWorkers(both, TWO, 2), () => startWorkers(single, ONE, 1)]
    const { connections } = options
    const measured = await takeTurns(starts, { ...options, underWay: connections }, ({ target, process }, seconds) =>
      closedLoop(target, { seconds, connections, cores: process.cores }),
    )
    return {
      starts: startsOf(options.rounds),
      placement:
        'Load generator, upstream and Redis share the cores of the gateway on both sides, so “others there” is mostly theirs.',
      report: [`Closed loop, ${connections} connections.`, figuresTable(measured), pairsTable(measured, TWO)],
      findings: [
        {
          id: 'workers',
          value: compareRounds(measured, [TWO, ONE], 'perSecond', ratio),
          // Twice the cores at the same time for each request would be twice as much.
          byCpu: compareRounds(measured, [TWO, ONE], 'cpuMicros', (a, b) => 2 * inverse(a, b)),
        },
      ],
      warnings: disturbancesOf(measured, [TWO, ONE]),
      bars: [],
      raw: measured,
    }
  },
}

async function startWorkers(stage: Stage, name: string, count: number): Promise<Contender> {
  const cores = count === 1 ? TEST_CORE : BOTH_CORES
  const started = await startGateway(stage, { analytics: true, workers: count, cores }).catch((error: unknown) => {
    throw new SkippedError(`the gateway does not start with "workers": ${count}`, { cause: error })
  })
  if (count > 1 && processTree(started.process.pid).length < count) {
    throw new SkippedError(`the gateway takes no notice of "workers": ${count}, it runs as one process`)
  }
  return { name, ours: true, records: stage.redis, ...started }
}
