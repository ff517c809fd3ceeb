/** The programs of the embedded stack: started in their order, stopped in the reverse one. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from '../jobs/lib.ts'
import { redisProblem } from '../redis/check-redis.ts'
import { ensureRedisProgram } from '../redis/find-redis.ts'
import { type Child, startChild } from './child.ts'
import { type StackFiles, writeStackFiles } from './files.ts'
import { PORTS, type PortChoice, programEnvironment, type StartOptions } from './options.ts'
import { portHelp, probePort } from './ports.ts'

const READY_TIMEOUT_MS = 60_000
/** Longer than the services' own ten seconds. */
const STOP_TIMEOUT_MS = 12_000

/** A reason why the stack cannot run, written for the person at the terminal. */
export class StackError extends Error {}

export interface Stack {
  readonly redisUrl: string
  readonly files: StackFiles
  /** Resolves with the first program that ends by itself. */
  failed(): Promise<{ readonly child: Child; readonly code: number | string }>
  stop(): Promise<void>
}

export interface StackEvents {
  say(line: string): void
  started(program: string, pid: number): void
  onLine(program: string, line: string): void
}

/** @throws StackError or RedisNotFoundError; whatever was started until then is stopped again. */
export async function startStack(options: StartOptions, events: StackEvents, signal: AbortSignal): Promise<Stack> {
  await checkPorts(options)
  await checkRedis(options)
  await mkdir(join(options.dataDir, 'logs'), { recursive: true })
  const children: Child[] = []
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await child.stop(STOP_TIMEOUT_MS)
  }
  try {
    const redisUrl = options.redisUrl ?? (await startRedis(options, events, children, signal))
    const files = await writeStackFiles(options, redisUrl)
    await startPrograms(options, files, events, children, signal)
    const failed = (): ReturnType<Stack['failed']> =>
      Promise.race(children.map((child) => child.ended.then((code) => ({ child, code }))))
    return { redisUrl, files, failed, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function checkPorts(options: StartOptions): Promise<void> {
  const wanted: [PortChoice, number][] = [
    [PORTS.gateway, options.gatewayPort],
    [PORTS.upstream, options.upstreamPort],
    [PORTS.pump, options.pumpPort],
    [PORTS.explorer, options.explorerPort],
    ...(options.redisUrl ? [] : ([[PORTS.redis, options.redisPort]] satisfies [PortChoice, number][])),
  ]
  const problems: string[] = []
  for (const [choice, port] of wanted) {
    const code = await probePort(port)
    if (code) problems.push(portHelp(choice, port, code))
  }
  if (problems.length > 0) throw new StackError(problems.join('\n\n'))
}

/** At once: the programs would start without it, and wait for it for a minute. */
async function checkRedis({ redisUrl }: StartOptions): Promise<void> {
  const problem = redisUrl === undefined ? undefined : await redisProblem(redisUrl)
  if (problem !== undefined) throw new StackError(problem)
}

async function startRedis(
  options: StartOptions,
  events: StackEvents,
  children: Child[],
  signal: AbortSignal,
): Promise<string> {
  const server = await ensureRedisProgram(options.dataDir, process.env, events.say)
  const folder = join(options.dataDir, 'redis')
  await mkdir(folder, { recursive: true })
  const args = ['--bind', '127.0.0.1', '--port', `${options.redisPort}`, '--dir', folder, '--daemonize', 'no']
  // Keys, counters and records that were not shipped yet survive a restart of the stack.
  const child = start('redis', server.path, [...args, '--save', '', '--appendonly', 'yes'], options, events)
  children.push(child)
  await untilReady(child, () => reach(options.redisPort), signal)
  return `redis://127.0.0.1:${options.redisPort}`
}

async function startPrograms(
  options: StartOptions,
  files: StackFiles,
  events: StackEvents,
  children: Child[],
  signal: AbortSignal,
): Promise<void> {
  const node = process.execPath
  const launch = async (name: string, args: readonly string[], url: string): Promise<void> => {
    const child = start(name, node, args, options, events)
    children.push(child)
    await untilReady(child, () => answers(url), signal)
  }
  const upstream = join(root, 'scripts', 'sample-upstream', 'main.ts')
  const gateway = program('gateway')
  const pump = program('pump')
  await launch(
    'upstream',
    [upstream, '--port', `${options.upstreamPort}`],
    `http://127.0.0.1:${options.upstreamPort}/ip`,
  )
  await launch('gateway', [gateway, '--conf', files.gatewayConf], `http://127.0.0.1:${options.gatewayPort}/ready`)
  await launch('pump', [pump, '--conf', files.pumpConf], `http://127.0.0.1:${options.pumpPort}/health`)
  const explorer = `http://127.0.0.1:${options.explorerPort}`
  await launch('explorer', [program('explorer'), '--conf', files.explorerConf], `${explorer}/health`)
  if (options.traffic) await startTraffic(explorer)
}

/** The page has the sender, so that it can stop it as well. */
async function startTraffic(explorer: string): Promise<void> {
  const answer = await fetch(`${explorer}/api/v1/traffic`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ running: true }),
    signal: AbortSignal.timeout(5000),
  })
  if (!answer.ok) throw new StackError(`sample traffic does not start: ${await answer.text()}`)
}

function program(name: string): string {
  const path = join(root, 'packages', name, 'dist', 'main.js')
  if (!existsSync(path)) throw new StackError(`${path} is missing: run npm run build`)
  return path
}

function start(
  name: string,
  command: string,
  args: readonly string[],
  options: StartOptions,
  events: StackEvents,
): Child {
  const env = programEnvironment(process.env)
  const logsDir = join(options.dataDir, 'logs')
  const onLine = (line: string): void => events.onLine(name, line)
  const child = startChild({ name, command, args, cwd: options.dataDir, env, logsDir, onLine })
  if (child.pid !== undefined) events.started(name, child.pid)
  return child
}

/** Repeats a check until it passes; gives up when the program ends, the deadline passes or somebody wants to stop. */
async function untilReady(child: Child, check: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  let code: number | string | undefined
  void child.ended.then((value) => {
    code = value
  })
  while (!(await check())) {
    if (signal.aborted) throw new StackError('stopped while starting')
    if (code !== undefined) throw new StackError(describeEnd(child, code))
    if (Date.now() > deadline) {
      throw new StackError(`${child.name} was not ready after ${READY_TIMEOUT_MS / 1000} s.\n${tail(child)}`)
    }
    await delay(50)
  }
}

export function describeEnd(child: Child, code: number | string): string {
  return `${child.name} ended by itself (${code}).\n${tail(child)}`
}

function tail(child: Child): string {
  const lines = child.lastLines().map((line) => `  | ${line}`)
  return [`Its last log lines (all of them: ${child.logFile}):`, ...lines].join('\n')
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    return false
  }
}

function reach(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host: '127.0.0.1', port })
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
