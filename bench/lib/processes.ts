import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import net from 'node:net'

/** The first core carries load generator and upstream, the second the program under test. */
export const LOAD_CORE = 0
export const TEST_CORE = 1

export const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0

export interface Running {
  readonly pid: number
  stop(): Promise<void>
}

/** Starts a program pinned to a core and waits until its port answers. */
export async function start(
  command: readonly string[],
  core: number,
  port: number,
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Running> {
  const [program, ...args] = canPin ? ['taskset', '-c', String(core), ...command] : command
  const child = spawn(program as string, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000)
  })
  await portAnswers(port, child, () => stderr)
  return { pid: child.pid as number, stop: () => stop(child) }
}

const START_LIMIT_MS = 20_000
const TRY_MS = 50

async function portAnswers(port: number, child: ChildProcess, stderr: () => string): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended: ${stderr()}`)
    if (await connects(port)) return
    await new Promise((resolve) => setTimeout(resolve, TRY_MS))
  }
  child.kill()
  throw new Error(`${child.spawnargs.join(' ')} does not answer on port ${port}: ${stderr()}`)
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  await ended
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
}

export function requirePrograms(names: readonly string[]): void {
  const missing = names.filter((name) => spawnSync('which', [name]).status !== 0 && spawnSync(name, ['-v']).error)
  if (missing.length === 0) return
  console.error(`The benchmark needs ${missing.join(' and ')}: apt-get install ${missing.join(' ')}`)
  process.exit(1)
}
