import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts processor time in hundredths of a second, whatever the kernel's own clock is. */
const TICKS_PER_SECOND = 100

/** What /proc/PID/stat says of a process with all its threads and the children it has waited for, in seconds. */
export function parseProcessTime(stat: string): number {
  // The name in parentheses may hold blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number)
  return ((user ?? NaN) + (system ?? NaN) + (endedUser ?? NaN) + (endedSystem ?? NaN)) / TICKS_PER_SECOND
}

/** What the lines of /proc/stat say of some cores, in seconds: time they worked, time the host took from them included. */
export function parseCoreTime(stat: string, cores: readonly number[]): number {
  let ticks = 0
  for (const core of cores) {
    const line = stat.split('\n').find((one) => one.startsWith(`cpu${core} `))
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
      line?.split(/\s+/).slice(1).map(Number) ?? []
    ticks += user + nice + system + irq + softirq + steal
  }
  return ticks / TICKS_PER_SECOND
}

/** One value of /proc/PID/status, e.g. `VmRSS`, in millions of bytes. */
export function parseMemory(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) * 0.001024
}

/** Processor time of a process and all below it, in seconds. @throws When the process itself is gone. */
export function processTime(pid: number): number {
  return sumOfTree(pid, (one) => parseProcessTime(readText(`/proc/${one}/stat`)))
}

export function coreTime(cores: readonly number[]): number {
  return parseCoreTime(readText('/proc/stat'), cores)
}

/** Resident memory of a process and all below it, in millions of bytes. @throws When the process itself is gone. */
export function residentMb(pid: number): number {
  // One that has ended and was not waited for has no memory and says nothing of it.
  return sumOfTree(pid, (one) => parseMemory(readText(`/proc/${one}/status`), 'VmRSS') || 0)
}

function sumOfTree(pid: number, figureOf: (pid: number) => number): number {
  const [, ...children] = processTree(pid)
  return children.reduce((sum, child) => sum + (unlessGone(() => figureOf(child)) ?? 0), figureOf(pid))
}

/** A process and all below it, itself first. A thread or a child that ends meanwhile is left out. @throws When the process itself is gone. */
export function processTree(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`)
  const children = threads.flatMap(
    (thread) => unlessGone(() => readText(`/proc/${pid}/task/${thread}/children`).trim().split(' ')) ?? [],
  )
  return [pid, ...children.filter(Boolean).flatMap((child) => unlessGone(() => processTree(Number(child))) ?? [])]
}

function unlessGone<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return null
    throw error
  }
}

const readText = (path: string): string => readFileSync(path, 'utf8')
