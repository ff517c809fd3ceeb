import type { Finding } from '../lib/measures.ts'
import { number, spreadText, table } from '../lib/markdown.ts'
import { processTime, residentMb } from '../lib/proc.ts'
import { type Running, start, TEST_CORE, untilReady } from '../lib/processes.ts'
import { startGateway } from '../lib/programs/gateway.ts'
import { startPeer } from '../lib/programs/peers.ts'
import { startPump } from '../lib/programs/pump.ts'
import { longRounds } from '../lib/rounds.ts'
import type { Scenario } from '../lib/scenario.ts'
import { openStage, type Stage } from '../lib/stage.ts'
import { median, type Spread, spreadOf } from '../lib/statistics.ts'

interface Start {
  readonly readyMs: number
  readonly rssMb: number
  readonly cpuMs: number
}

interface Row {
  readonly name: string
  /** Ids of the measures it gives. */
  readonly time?: string
  readonly memory?: string
  start(stage: Stage): Promise<{ process: Running; readyMs: number }>
}

/** Nobody listens there: a pump starts whether or not its sink is up. */
const CLOSED_PORT = 1

const ROWS: readonly Row[] = [
  {
    name: 'gateway, 2 APIs',
    time: 'gateway-start',
    memory: 'gateway-memory',
    start: (stage) => startGateway(stage, { analytics: true }),
  },
  {
    name: 'gateway, 1,000 APIs',
    time: 'gateway-start-apis',
    start: (stage) => startGateway(stage, { analytics: true, apis: 1000 }),
  },
  { name: 'pump', time: 'pump-start', memory: 'pump-memory', start: (stage) => startPump(stage, CLOSED_PORT) },
  { name: 'stock @fastify/http-proxy', start: startStock },
  { name: 'Node.js with nothing to do', start: startNothing },
]

export const startUp: Scenario = {
  name: 'start-up',
  title: 'Start-up time and memory',
  seconds: ({ rounds }) => longRounds(rounds) * 6,
  async run({ rounds: shortRounds }) {
    const rounds = longRounds(shortRounds)
    await using stage = await openStage()
    const starts = new Map<string, Start[]>(ROWS.map(({ name }) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const row of ROWS) starts.get(row.name)?.push(await startOnce(stage, row))
    }
    const of = (name: string, figure: keyof Start): number[] => starts.get(name)?.map((one) => one[figure]) ?? []
    return {
      rounds,
      report: [
        'From the start of the process until the gateway let the first request through and the pump’s health check ' +
          'answered; then resident memory, and the processor time it took.',
        table(
          ['program', 'ready ms, median (lowest to highest)', 'RSS MB', 'CPU ms'],
          ROWS.map(({ name }) => [
            name,
            spreadText(spreadOf(of(name, 'readyMs')), 0),
            spreadText(spreadOf(of(name, 'rssMb')), 0),
            number(median(of(name, 'cpuMs')), 0),
          ]),
        ),
      ],
      findings: [
        ...ROWS.map(({ name, time }) => findingOf(time, of(name, 'readyMs'), spreadOf(of(name, 'cpuMs')))),
        ...ROWS.map(({ name, memory }) => findingOf(memory, of(name, 'rssMb'), null)),
      ].filter((finding) => finding !== null),
      warnings: [],
      bars: [],
      raw: Object.fromEntries(starts),
    }
  },
}

const findingOf = (id: string | undefined, values: readonly number[], byCpu: Spread | null): Finding | null =>
  id === undefined ? null : { id, value: spreadOf(values), byCpu }

async function startOnce(stage: Stage, row: Row): Promise<Start> {
  const { process, readyMs } = await row.start(stage)
  const started = { readyMs, rssMb: residentMb(process.pid), cpuMs: processTime(process.pid) * 1000 }
  await process.stop()
  return started
}

async function startStock(stage: Stage): Promise<{ process: Running; readyMs: number }> {
  const { process } = await startPeer(stage, { name: 'stock', peer: 'stock' }, {})
  return { process, readyMs: performance.now() - process.startedMs }
}

/** What no program on Node.js can do without. */
async function startNothing(stage: Stage): Promise<{ process: Running; readyMs: number }> {
  const script = 'process.stderr.write("ready"); setInterval(() => {}, 1e6)'
  const running = stage.keep(start([process.execPath, '-e', script], TEST_CORE))
  return {
    process: running,
    readyMs: await untilReady(running, async () => (running.stderr() === 'ready' ? null : 'silent'), 2),
  }
}
