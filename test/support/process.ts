import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

export interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** How long a SIGTERM may take before SIGKILL; default 12 s. */
  readonly stopTimeoutMs?: number
}

export interface Program extends AsyncDisposable {
  readonly pid: number
  /** What the program wrote so far, stdout and stderr in the order of arrival. */
  output(): string
  /**
   * Resolves with the first output line that matches, or contains a text; rejects when the program ends or the deadline passes.
   * A line may arrive after the answer that it is about.
   */
  waitForLine(pattern: RegExp | string, timeoutMs?: number): Promise<string>
  /** Resolves with the exit code, or the signal's name. */
  exited(): Promise<number | NodeJS.Signals>
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, then SIGKILL after the patience; resolves when the process is gone. */
  stop(): Promise<number | NodeJS.Signals>
}

/** Ended with this process if a test could not dispose of them, for example because its worker was stopped. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a program as a child process. Disposing it ends the process. */
export function startProgram(command: string, args: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const log = collectOutput(child)
  const { promise: ended, resolve } = Promise.withResolvers<number | NodeJS.Signals>()
  child.once('error', (error) => {
    log.append(`${error.message}\n`)
    resolve(127)
  })
  // 'close' comes after the last byte of output, 'exit' may come before it.
  child.once('close', (code, signal) => resolve(code ?? signal ?? 1))

  const stop = async (): Promise<number | NodeJS.Signals> => {
    const timer = new AbortController()
    child.kill('SIGTERM')
    const patience = delay(options.stopTimeoutMs ?? 12_000, 'late' as const, { signal: timer.signal }).catch(
      () => 'ended' as const,
    )
    const first = await Promise.race([ended, patience])
    timer.abort()
    if (first === 'late') child.kill('SIGKILL')
    return ended
  }

  return {
    pid: child.pid ?? -1,
    output: log.text,
    exited: () => ended,
    kill: (signal) => void child.kill(signal),
    stop,
    waitForLine: (pattern, timeoutMs = 20_000) => waitForLine(log, ended, pattern, timeoutMs),
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}

interface OutputLog {
  text(): string
  append(chunk: string): void
  onChange(listener: () => void): () => void
}

function collectOutput(child: ChildProcess): OutputLog {
  let text = ''
  const listeners = new Set<() => void>()
  const append = (chunk: string): void => {
    text += chunk
    for (const listener of listeners) listener()
  }
  child.stdout?.setEncoding('utf8').on('data', append)
  child.stderr?.setEncoding('utf8').on('data', append)
  return {
    text: () => text,
    append,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

async function waitForLine(
  log: OutputLog,
  ended: Promise<number | NodeJS.Signals>,
  pattern: RegExp | string,
  timeoutMs: number,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const look = (): void => {
    const line = log
      .text()
      .split('\n')
      .find((candidate) => (typeof pattern === 'string' ? candidate.includes(pattern) : pattern.test(candidate)))
    if (line !== undefined) resolve(line)
  }
  const fail = (why: string): void =>
    reject(new Error(`${why} before a line matched ${String(pattern)}; its output:\n${log.text()}`))
  const stopListening = log.onChange(look)
  const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs)
  void ended.then((code) => fail(`the program ended (${code})`))
  look()
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    stopListening()
  }
}
