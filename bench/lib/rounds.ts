import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { closedLoop, type LoadResult } from './closed-loop/wrk.ts'
import { coreTime, processTime, residentMb } from './proc.ts'
import { BOTH_CORES, type Running } from './processes.ts'
import { countAndClear, missingRecords } from './records.ts'
import type { Target } from './target.ts'

/** A program that takes its turn. */
export interface Contender {
  readonly name: string
  readonly target: Target
  readonly process: Running
  /** Where each of its requests leaves a record; null for none. */
  readonly records: Redis | null
  /** A peer may fail a request; ours may not. */
  readonly ours: boolean
  /** Others need its process too: it goes on while it is not its turn, and is not started anew. */
  readonly neededByOthers?: true
  /** It runs as compiled from the first request on. */
  readonly compiledAhead?: true
}

/** Starts a program, ready for load. */
export type StartContender = () => Promise<Contender>

/** One round of one program. */
export type Sample<R extends LoadResult = LoadResult> = R & Figures

interface Figures {
  /** Requests a second for each of its cores. */
  readonly perCore: number
  /** Processor time of the program for each request. */
  readonly cpuMicros: number
  /** Share of its cores that the program used; well below 100 means that something else was the limit. */
  readonly corePercent: number
  /** Share of its cores that other programs of this machine, or other machines of the host, took. */
  readonly otherPercent: number
  /** Processor time of anything outside the bench, in percent of one core. */
  readonly foreignPercent: number
  readonly rssMb: number
}

/** All rounds of each program, by name. */
export type Measured<R extends LoadResult = LoadResult> = Readonly<Record<string, readonly Sample<R>[]>>

export interface RoundOptions {
  readonly rounds: number
  /** Of each round. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Of the load before each round, which is not measured; 0 when the load itself has such a part. */
  readonly settleSeconds?: number
  /** How many requests the end of a round may cut off. */
  readonly underWay: number
}

/**
 * All programs are started anew after so many rounds. What V8's compiler makes of a program differs from start to start and
 * then stays: it must be in the spread, and not in all rounds.
 */
export const ROUNDS_PER_START = 6

export const startsOf = (rounds: number, perStart = ROUNDS_PER_START): number => Math.ceil(rounds / perStart)

/** So many rounds there are where each takes long. */
export const longRounds = (rounds: number): number => Math.ceil(rounds / 3)

/** About how long one program takes in all. */
export const turnsSeconds = ({ rounds, seconds, warmUpSeconds }: Omit<RoundOptions, 'underWay'>): number =>
  startsOf(rounds) * (warmUpSeconds + START_SECONDS) + rounds * (seconds + SECONDS_BESIDE_LOAD)

const START_SECONDS = 2
/** Coming to life again, and waiting for the last records. */
const SECONDS_BESIDE_LOAD = 0.9
const AHEAD_WARM_UP_SECONDS = 1

/** A program that was held finds its caches cold, and the connections of the load before still to be closed. */
const SETTLE_SECONDS = 0.2

/** Runs a load against a program; the closed loop unless told otherwise. */
export type Load<R extends LoadResult = LoadResult> = (contender: Contender, seconds: number) => Promise<R>

/**
 * Lets the programs take turns after a warm-up of each, in the order of `orderOf`. Those whose turn it is not are held, their
 * records written; what else they have left to do they do in their own next turn. Every few rounds all are ended and started anew.
 *
 * @throws When a record is missing or one of our requests failed: speed is not bought with loss.
 */
export async function takeTurns<R extends LoadResult>(
  starts: readonly StartContender[],
  options: RoundOptions,
  load: Load<R>,
): Promise<Measured<R>> {
  const measured: Record<string, Sample<R>[]> = {}
  for (let round = 0; round < options.rounds;) {
    const started = new Map<StartContender, Contender>()
    // The last one has rested for the shortest time.
    for (const start of orderOf(starts, round)) started.set(start, await startWarm(start, options, load))
    const contenders = starts.map((start) => started.get(start) as Contender)
    for (const { name } of contenders) measured[name] ??= []
    for (const end = Math.min(options.rounds, round + ROUNDS_PER_START); round < end; round++) {
      for (const contender of orderOf(contenders, round)) {
        const samples = (measured[contender.name] ??= [])
        samples.push(await takeTurn(contender, options, load))
      }
    }
    for (const { process, neededByOthers } of contenders) if (neededByOthers !== true) await process.stop()
  }
  return measured
}

async function startWarm(start: StartContender, { warmUpSeconds }: RoundOptions, load: Load): Promise<Contender> {
  const contender = await start()
  const { records, compiledAhead } = contender
  const { requests } = await load(contender, compiledAhead === true ? AHEAD_WARM_UP_SECONDS : warmUpSeconds)
  if (records !== null) await countAndClear(records, requests)
  else await delay(REST_MS)
  hold(contender)
  return contender
}

/** So long every program may tidy up and compile after its warm-up; one with records has had it while they were counted. */
const REST_MS = 700

function hold({ process, neededByOthers }: Contender): void {
  if (neededByOthers !== true) process.pause()
}

async function takeTurn<R extends LoadResult>(
  contender: Contender,
  { seconds, settleSeconds = SETTLE_SECONDS, underWay }: RoundOptions,
  load: Load<R>,
): Promise<Sample<R>> {
  contender.process.resume()
  const settling = settleSeconds > 0 ? [await load(contender, settleSeconds)] : []
  const sample = await measure(contender, seconds, load)
  // Not later: a gateway that is held while it writes takes the write for lost when it goes on, and writes again.
  await checkLoads(contender, [...settling, sample], underWay)
  hold(contender)
  return sample
}

/**
 * A B C, C B A, B C A, A C B, and so on: none is always the first, and of any two each comes first in every other round. If
 * the order only went round, two neighbours would nearly always be in the same one.
 */
export function orderOf<T>(all: readonly T[], round: number): T[] {
  const first = Math.floor(round / 2) % all.length
  const order = [...all.slice(first), ...all.slice(0, first)]
  return round % 2 === 0 ? order : order.reverse()
}

async function measure<R extends LoadResult>(contender: Contender, seconds: number, load: Load<R>): Promise<Sample<R>> {
  const { pid, cores } = contender.process
  const before = times(pid, cores)
  const result = await load(contender, seconds)
  const after = times(pid, cores)
  const cpu = after.cpu - before.cpu
  const busy = after.cores - before.cores
  const elapsed = after.seconds - before.seconds
  const available = elapsed * cores.length
  return {
    ...result,
    perCore: result.perSecond / cores.length,
    cpuMicros: (cpu / Math.max(1, result.requests)) * 1e6,
    corePercent: (cpu / available) * 100,
    otherPercent: Math.max(0, ((busy - cpu) / available) * 100),
    foreignPercent: Math.max(0, ((after.foreign - before.foreign) / elapsed) * 100),
    rssMb: residentMb(pid),
  }
}

/** What a round is a difference of; all in seconds. */
const times = (pid: number, cores: readonly number[]) => ({
  cpu: processTime(pid),
  cores: coreTime(cores),
  // Everything the bench starts is below this process.
  foreign: coreTime(BOTH_CORES) - processTime(process.pid),
  seconds: performance.now() / 1000,
})

/** @param underWay - Requests that the end of each load may have cut off. */
async function checkLoads(
  { name, ours, records }: Contender,
  loads: readonly LoadResult[],
  underWay: number,
): Promise<void> {
  const sum = (figure: 'requests' | 'errors'): number => loads.reduce((all, one) => all + one[figure], 0)
  if (ours && sum('errors') > 0) throw new Error(`${name}: ${sum('errors')} requests failed`)
  if (records === null) return
  const answered = sum('requests')
  const missing = missingRecords(answered, await countAndClear(records, answered), underWay * loads.length)
  if (missing !== null) throw new Error(`${name}: ${missing}`)
}

/** wrk with a number of connections on some cores. */
export const wrkLoad =
  (connections: number, cores: readonly number[]): Load =>
  ({ target }, seconds) =>
    closedLoop(target, { seconds, connections, cores })
