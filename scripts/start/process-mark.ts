import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process, told apart from a later one that got the same id. */
export interface ProcessMark {
  readonly pid: number
  /** In whatever form the system tells it; null where it does not. */
  readonly startedAt: string | null
}

export function markOf(pid: number): ProcessMark {
  return { pid, startedAt: startTimeOf(pid) }
}

export function isRunning({ pid, startedAt }: ProcessMark): boolean {
  if (!exists(pid)) return false
  const now = startTimeOf(pid)
  return startedAt === null || now === null || now === startedAt
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // A process of somebody else's: it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function startTimeOf(pid: number): string | null {
  if (process.platform === 'win32') return null
  if (process.platform === 'linux') return fromProc(pid)
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', `${pid}`], { encoding: 'utf8' }).trim() || null
  } catch {
    return null
  }
}

/** Clock ticks from the boot to the start. The name in the second field may hold spaces and parentheses. */
function fromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
