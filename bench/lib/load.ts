import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { canPin, LOAD_CORE } from './processes.ts'

export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
  /** Processor time of the program under test per request. */
  readonly cpuMicros: number
  readonly rssMb: number
}

const run = promisify(execFile)

/** Closed loop with wrk: every connection sends its next request when the answer is there. */
export async function closedLoop(url: string, pid: number, seconds: number, connections: number): Promise<LoadResult> {
  const wrk = ['wrk', '--latency', '-t1', `-c${connections}`, `-d${seconds}s`, url]
  const [program, ...args] = canPin ? ['taskset', '-c', String(LOAD_CORE), ...wrk] : wrk
  const before = cpuSeconds(pid)
  const { stdout } = await run(program as string, args)
  const cpu = cpuSeconds(pid) - before
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    p50Ms: latency(stdout, '50%'),
    p99Ms: latency(stdout, '99%'),
    errors: errorsOf(stdout),
    cpuMicros: (cpu / Math.max(1, requests)) * 1e6,
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
  }
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }

function latency(text: string, percentile: string): number {
  const match = new RegExp(`${percentile}\\s+([\\d.]+)(us|ms|s)`).exec(text)
  return match === null ? NaN : Number(match[1]) * (UNITS[match[2] as string] as number)
}

function errorsOf(text: string): number {
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(text)
  return [...(sockets?.slice(1) ?? []), statuses?.[1] ?? 0].reduce<number>((sum, n) => sum + Number(n), 0)
}

/** User and system time of a process and the children it has ended, in seconds. */
function cpuSeconds(pid: number): number {
  const pids = [pid, ...childrenOf(pid)]
  return pids.reduce((sum, each) => {
    const fields = readFileSync(`/proc/${each}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return sum + (Number(fields[11]) + Number(fields[12])) / 100
  }, 0)
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
