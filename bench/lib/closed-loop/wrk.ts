import { type ChildProcess, execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pinned } from '../processes.ts'
import type { Target } from '../target.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('wrk.lua', import.meta.url))

/** What a load generator saw. */
export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  readonly megabytesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly errors: number
}

export interface ClosedLoopOptions {
  /** Those of a fraction are only about so long. */
  readonly seconds: number
  readonly connections: number
  readonly cores: readonly number[]
}

/** Closed loop with wrk: every connection sends its next request when the answer is there. One thread for each core. */
export async function closedLoop(target: Target, options: ClosedLoopOptions): Promise<LoadResult> {
  const running = run(...commandOf(target, options), { env: environmentOf(target) })
  const timer = Number.isInteger(options.seconds) ? undefined : interruptAfter(running.child, options.seconds)
  const { stdout } = await running
  clearTimeout(timer)
  return parseWrk(stdout)
}

/** wrk counts in whole seconds, but reports when it is interrupted as it does at its end. */
const interruptAfter = (child: ChildProcess, seconds: number): NodeJS.Timeout =>
  setTimeout(() => child.kill('SIGINT'), seconds * 1000)

function commandOf({ url, headers = {} }: Target, options: ClosedLoopOptions): [string, string[]] {
  const { seconds, connections, cores } = options
  const threads = Math.min(cores.length, connections)
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const sizes = [`-t${threads}`, `-c${connections}`, `-d${Math.ceil(seconds)}s`, '--timeout', '10s']
  const [program, ...args] = pinned(['wrk', ...sizes, ...fields, '-s', script, url.replace('{}', '0000')], cores)
  return [program, args]
}

function environmentOf({ url, method = 'GET', bodyBytes = 0, spread = 0 }: Target): NodeJS.ProcessEnv {
  return {
    ...process.env,
    BENCH_METHOD: method,
    BENCH_BODY_BYTES: String(bodyBytes),
    BENCH_SPREAD: String(spread),
    BENCH_PATH: url.replace(/^\w+:\/\/[^/]+/, ''),
  }
}

/** Reads the line that our script prints at the end. */
export function parseWrk(stdout: string): LoadResult {
  const line = /^BENCH (.*)$/m.exec(stdout)?.[1]
  if (line === undefined) throw new Error(`wrk did not report: ${stdout}`)
  const report = JSON.parse(line) as Record<string, number>
  const of = (name: string): number => report[name] ?? NaN
  const seconds = of('micros') / 1e6
  return {
    requests: of('requests'),
    perSecond: of('requests') / seconds,
    megabytesPerSecond: of('bytes') / 1e6 / seconds,
    p50Ms: of('p50') / 1000,
    p99Ms: of('p99') / 1000,
    p999Ms: of('p999') / 1000,
    maxMs: of('max') / 1000,
    errors: of('socketErrors') + of('statusErrors'),
  }
}
