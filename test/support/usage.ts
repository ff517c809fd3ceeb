import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { eventually } from './eventually.ts'

/** Resident memory of a process on Linux, in MB. */
export const rssMb = (pid: number): number => statusMb(pid, 'VmRSS')

function statusMb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
}

/** Resolves with the resident memory of a process that does nothing any more, in MB. */
export function idleRssMb(pid: number): Promise<number> {
  let last = 0
  return eventually(
    () => {
      const now = rssMb(pid)
      const change = Math.abs(now - last)
      last = now
      if (change > 0.5) throw new Error(`memory still changes: ${change.toFixed(1)} MB in a second`)
      return now
    },
    60_000,
    1000,
  )
}

/** The highest resident memory of a process while something runs, in MB. */
export async function peakRssMb(pid: number, work: () => Promise<unknown>): Promise<number> {
  const exact = resetPeak(pid)
  let highest = rssMb(pid)
  const timer = setInterval(() => (highest = Math.max(highest, rssMb(pid))), 50)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return exact ? statusMb(pid, 'VmHWM') : highest
}

/** The kernel keeps the peak itself, and misses none; not every kernel lets it be reset. */
function resetPeak(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
    return true
  } catch {
    return false
  }
}

/** Open files, sockets and pipes of a process on Linux. */
export const descriptorCount = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** Seconds of processor time a process on Linux has used so far. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold spaces. Fields 14 and 15, in hundredths of a second.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
