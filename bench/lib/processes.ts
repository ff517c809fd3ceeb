import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { cleanEnvironment } from '../../test/support/programs.ts'
import { processTree } from './proc.ts'

/** The program under test has a core for itself; load generator, upstream and Redis share the other. */
export const TEST_CORE = [0]
export const LOAD_CORE = [1]
export const BOTH_CORES = [0, 1]

const listOf = (cores: readonly number[]): string => cores.join(',')

export const canPin = spawnSync('taskset', ['-c', listOf(BOTH_CORES), 'true']).status === 0

export interface Running {
  readonly pid: number
  readonly cores: readonly number[]
  /** When it was started, as `performance.now()` counts. */
  readonly startedMs: number
  readonly stderr: () => string
  readonly hasEnded: () => boolean
  /** Holds it with all below it, so that it takes nothing of its core from others. What it has still to do waits too. */
  pause(): void
  resume(): void
  /** Ends it, paused or not. */
  stop(): Promise<void>
}

/** Ended with this process, should it end before they were stopped; not killed, or nginx would leave its worker behind. */
const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) end(child)
})

/** The command with what pins it. */
export function pinned(command: readonly string[], cores: readonly number[]): [string, ...string[]] {
  return (canPin ? ['taskset', '-c', listOf(cores), ...command] : [...command]) as [string, ...string[]]
}

/** Moves a process that runs already, with its threads. */
export function pin(pid: number, cores: readonly number[]): void {
  if (canPin) spawnSync('taskset', ['-a', '-c', '-p', listOf(cores), String(pid)])
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
}

/** Starts a program pinned to some cores; it may not be ready yet. */
export function start(command: readonly string[], cores: readonly number[], options: StartOptions = {}): Running {
  const startedMs = performance.now()
  const [program, ...args] = pinned(command, cores)
  const child = spawn(program, args, { env: cleanEnvironment(options.env), stdio: ['ignore', 'ignore', 'pipe'] })
  children.add(child)
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000)
  })
  child.once('error', (error) => (stderr += error.message))
  child.once('exit', () => children.delete(child))
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    pid: child.pid ?? -1,
    cores,
    startedMs,
    stderr: () => stderr,
    hasEnded,
    pause: () => familyOf(child).forEach((pid) => process.kill(pid, 'SIGSTOP')),
    resume: () => resume(child),
    stop: () => stop(child),
  }
}

const START_LIMIT_MS = 30_000
const KILL_AFTER_MS = 15_000

/**
 * Asks again and again until a program is ready.
 *
 * @param whyNot - Says why it is not, or null when it is.
 * @returns The milliseconds from its start to the first good answer.
 * @throws When it ends or is not ready in time, with the last words it said.
 */
export async function untilReady(
  program: Running,
  whyNot: () => Promise<string | null>,
  everyMs = 20,
): Promise<number> {
  for (let why = await whyNot(); why !== null; why = await whyNot()) {
    if (program.hasEnded()) throw new Error(`a program ended at start: ${program.stderr()}`)
    if (performance.now() - program.startedMs > START_LIMIT_MS) {
      await program.stop()
      throw new Error(`a program was not ready within ${START_LIMIT_MS} ms: ${why}; it said: ${program.stderr()}`)
    }
    await delay(everyMs)
  }
  return performance.now() - program.startedMs
}

/** Why nobody can be reached on a port, or null. */
export function listens(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(null)
    })
    socket.on('error', (error) => resolve(error.message))
  })
}

/** A process before those below it: while it is held, it does not miss them. */
const familyOf = ({ pid, exitCode, signalCode }: ChildProcess): number[] =>
  pid === undefined || exitCode !== null || signalCode !== null ? [] : processTree(pid)

function resume(child: ChildProcess): void {
  for (const pid of familyOf(child).reverse()) {
    try {
      process.kill(pid, 'SIGCONT')
    } catch (error) {
      // One of them has ended meanwhile; the others must not stay stopped for it.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** To a process that is held the signal comes when it goes on. */
function end(child: ChildProcess): void {
  child.kill('SIGTERM')
  resume(child)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
  end(child)
  await ended
  clearTimeout(timer)
}

/** Whether a program is there to be started. */
export const isInstalled = (name: string): boolean => spawnSync(name, ['-v']).error === undefined
