import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LOAD_CORE, pinned } from '../processes.ts'
import type { Target } from '../target.ts'
import type { GeneratorJob, GeneratorReport } from './requests.ts'

const run = promisify(execFile)
const LEAD_SECONDS = 2
const program = fileURLToPath(new URL('generator.ts', import.meta.url))

export interface OpenLoopOptions {
  readonly perSecond: number
  readonly seconds: number
  readonly connections: number
}

/** Open loop: requests leave at a constant rate, and latency counts from the time each was due. */
export async function openLoop({ url, headers = {} }: Target, options: OpenLoopOptions): Promise<GeneratorReport> {
  const job: GeneratorJob = { url, headers, leadSeconds: LEAD_SECONDS, ...options }
  const [command, ...args] = pinned([process.execPath, program, JSON.stringify(job)], LOAD_CORE)
  const { stdout } = await run(command, args)
  return JSON.parse(stdout) as GeneratorReport
}
