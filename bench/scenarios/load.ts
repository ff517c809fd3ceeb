import { unlessOk } from '../lib/probe.ts'
import { isInstalled, LOAD_CORE } from '../lib/processes.ts'
import { startGateway } from '../lib/programs/gateway.ts'
import { startPeer } from '../lib/programs/peers.ts'
import type { Finding } from '../lib/measures.ts'
import { compareRounds, disturbancesOf, figuresTable, inverse, pairsTable } from '../lib/report.ts'
import { type Contender, type Measured, startsOf, takeTurns, turnsSeconds, wrkLoad } from '../lib/rounds.ts'
import type { Bar, Outcome, Scenario } from '../lib/scenario.ts'
import { openStage, type Stage } from '../lib/stage.ts'
import { change, ratio } from '../lib/statistics.ts'
import { LOAD_ROWS, type LoadRow, type MeasureRow, type ProgramRow } from './load-rows.ts'

const ONE_CORE =
  'Everything shares one core: one request keeps one program busy at a time, and waking a core that sleeps takes a virtual ' +
  'machine longer than serving the request.'

export const loadScenarios: readonly Scenario[] = LOAD_ROWS.map((row) => ({
  name: row.name,
  title: row.title,
  seconds: (options) => row.programs.length * turnsSeconds({ ...options, rounds: roundsOf(row, options) }),
  async run(options) {
    await using stage = await openStage(row.oneCore === true ? { testCores: LOAD_CORE } : {})
    const missing = row.programs.filter(isMissing)
    const starts = row.programs
      .filter((program) => !isMissing(program))
      .map((program) => () => startContender(stage, program, row))
    const connections = row.connections ?? options.connections
    const rounds = roundsOf(row, options)
    const turns = { ...options, rounds, underWay: connections }
    const measured = await takeTurns(starts, turns, wrkLoad(connections, LOAD_CORE))
    return outcomeOf(row, measured, { connections, rounds, missing })
  },
}))

const roundsOf = ({ roundsTimes = 1 }: LoadRow, { rounds }: { rounds: number }): number => rounds * roundsTimes

const isMissing = (program: ProgramRow): boolean =>
  'peer' in program && program.peer === 'haproxy' && !isInstalled('haproxy')

const sharesCore = (program: ProgramRow, { oneCore }: LoadRow): boolean =>
  oneCore === true || ('peer' in program && program.peer === 'upstream')

async function startContender(stage: Stage, program: ProgramRow, row: LoadRow): Promise<Contender> {
  const contender =
    'peer' in program ? await startPeer(stage, program, row.request ?? {}) : await startOurs(stage, program, row)
  const why = await unlessOk(contender.target)
  if (why !== null) throw new Error(`${program.name}: ${why} to what the load generator will send`)
  return contender
}

async function startOurs(
  stage: Stage,
  { name, gateway, spread }: Extract<ProgramRow, { gateway: object }>,
  { request: { path = 'get', ...request } = {} }: LoadRow,
): Promise<Contender> {
  const { process, target } = await startGateway(stage, gateway, path)
  const records = gateway.analytics ? stage.redis : null
  const same = { name, process, records, ours: true }
  if (spread === undefined) return { ...same, target: { ...request, ...target } }
  return { ...same, target: { ...request, ...target, url: target.url.replace('/bench/', '/bench-{}/'), spread } }
}

interface Turns {
  readonly connections: number
  readonly rounds: number
  readonly missing: readonly ProgramRow[]
}

function outcomeOf(row: LoadRow, measured: Measured, { connections, rounds, missing }: Turns): Outcome {
  const first = row.programs[0]?.name ?? ''
  return {
    ...(row.oneCore === true && { placement: ONE_CORE }),
    rounds,
    starts: startsOf(rounds),
    report: [
      `Closed loop, ${connections} ${connections === 1 ? 'connection' : 'connections'}.`,
      ...missing.map(({ name }) => `Left out, because it is not installed: ${name}.`),
      figuresTable(measured),
      pairsTable(measured, first),
    ],
    findings: (row.measures ?? []).map((measure) => findingOf(measure, measured)),
    warnings: disturbancesOf(
      measured,
      row.programs.filter((one) => sharesCore(one, row)).map(({ name }) => name),
    ),
    bars: barsOf(row, measured),
    raw: measured,
  }
}

/** What a measure is by processor time, if it can be told. */
const BY_CPU = new Map<MeasureRow['compare'], MeasureRow['compare']>([
  [ratio, inverse],
  [change, (ours, peer) => change(peer, ours)],
])

function findingOf({ id, ours, peer, figure, compare }: MeasureRow, measured: Measured): Finding {
  const byCpu = figure === 'perSecond' ? BY_CPU.get(compare) : undefined
  return {
    id,
    value: compareRounds(measured, [ours, peer], figure, compare),
    byCpu: byCpu ? compareRounds(measured, [ours, peer], 'cpuMicros', byCpu) : null,
  }
}

/** Throughput of each program in relation to nginx in the same round. */
function barsOf(row: LoadRow, measured: Measured): Bar[] {
  if (measured.nginx === undefined) return []
  return row.programs.flatMap(({ name, ...program }) => {
    if (measured[name] === undefined) return []
    const value = compareRounds(measured, [name, 'nginx'], 'perSecond', ratio)
    return [{ label: name, ours: 'gateway' in program, value }]
  })
}
