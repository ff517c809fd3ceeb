import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const LAST_LINES = 25

export interface ChildOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly logsDir: string
  readonly onLine: (line: string) => void
}

/** One program of the stack. */
export interface Child {
  readonly name: string
  /** Undefined when it could not be started. */
  readonly pid: number | undefined
  readonly logFile: string
  /** Resolves once the process is gone, with its exit code or the signal's name. */
  readonly ended: Promise<number | string>
  lastLines(): readonly string[]
  /** SIGTERM, then SIGKILL when the deadline passes. */
  stop(deadlineMs: number): Promise<void>
}

/**
 * Starts a program whose output goes to a log file and, line by line, to a listener.
 *
 * On POSIX the program leads a process group of its own: a Ctrl-C on the terminal reaches only this process, which then
 * stops the programs in their order.
 */
export function startChild(options: ChildOptions): Child {
  const logFile = join(options.logsDir, `${options.name}.log`)
  const log = createWriteStream(logFile)
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  })
  const last: string[] = []
  const take = (line: string): void => {
    log.write(`${line}\n`)
    last.push(line)
    if (last.length > LAST_LINES) last.shift()
    options.onLine(line)
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', take)

  const { promise: ended, resolve } = Promise.withResolvers<number | string>()
  child.once('error', (error) => {
    take(error.message)
    resolve(error.message)
  })
  child.once('close', (code, signal) => {
    log.end()
    resolve(code ?? signal ?? 'unknown')
  })
  endWithThisProcess(child)
  return {
    name: options.name,
    pid: child.pid,
    logFile,
    ended,
    lastLines: () => last,
    stop: (deadlineMs) => stop(child, ended, deadlineMs),
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>, deadlineMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
  child.kill('SIGTERM')
  await ended
  clearTimeout(timer)
}

/** Whatever ends this process by its own doing, nothing it started stays behind. */
function endWithThisProcess(child: ChildProcess): void {
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}
