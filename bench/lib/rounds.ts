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
  /** Others need its process too: it goes on while it is not its turn. */
  readonly neededByOthers?: true
}

/** One round of one program. */
export interface Sample extends LoadResult {
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
export type Measured = Readonly<Record<string, readonly Sample[]>>

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

/** A program that was held finds its caches cold, and some of its connections to the upstream closed. */
export const SETTLE_SECONDS = 0.5

/** Runs a load against a program; the closed loop unless told otherwise. */
export type Load = (contender: Contender, seconds: number) => Promise<LoadResult>

/**
 * Lets the programs take turns, A B C, B C A, C A B, after a warm-up of each: none of them is always the first. Those whose
 * turn it is not are held, with nothing left to do: their records are in Redis by then.
 *
 * @throws When a record is missing or one of our requests failed: speed is not bought with loss.
 */
export async function takeTurns(
  contenders: readonly Contender[],
  options: RoundOptions,
  load: Load,
): Promise<Measured> {
  contenders.forEach(hold)
  for (const contender of contenders) {
    contender.process.resume()
    const { requests } = await load(contender, options.warmUpSeconds)
    if (contender.records !== null) await countAndClear(contender.records, requests)
    hold(contender)
  }
  const measured = Object.fromEntries(contenders.map(({ name }) => [name, [] as Sample[]]))
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of startingAt(contenders, round)) {
      measured[contender.name]?.push(await takeTurn(contender, options, load))
    }
  }
  return measured
}

function hold({ process, neededByOthers }: Contender): void {
  if (neededByOthers !== true) process.pause()
}

async function takeTurn(contender: Contender, options: RoundOptions, load: Load): Promise<Sample> {
  const { seconds, settleSeconds = SETTLE_SECONDS, underWay } = options
  contender.process.resume()
  const settling = settleSeconds > 0 ? [await load(contender, settleSeconds)] : []
  const sample = await measure(contender, seconds, load)
  await checkLoads(contender, [...settling, sample], underWay)
  hold(contender)
  return sample
}

const startingAt = <T>(all: readonly T[], first: number): T[] => {
  const at = first % all.length
  return [...all.slice(at), ...all.slice(0, at)]
}

async function measure(contender: Contender, seconds: number, load: Load): Promise<Sample> {
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
