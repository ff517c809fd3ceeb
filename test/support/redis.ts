import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findRedisProgram, redisHelp } from '../../scripts/redis/find-redis.ts'
import { eventually } from './eventually.ts'
import { startProgram } from './process.ts'

const dataDir = fileURLToPath(new URL('../../.data', import.meta.url))

export interface RedisServer extends AsyncDisposable {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly url: string
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

export interface RedisOptions {
  /** A port of one's own choice, for tests that stop a server and start it again. */
  readonly port?: number
  /** More command line options, e.g. `['--requirepass', 'x']`. */
  readonly args?: readonly string[]
}

/** Why tests that need Redis cannot run here, or undefined when they can: `describe.skipIf(redisSkipReason())`. */
export function redisSkipReason(): string | undefined {
  return findRedisProgram(dataDir) ? undefined : redisHelp('none was fetched into .data/ yet (npm test does that)')
}

/** Starts a Redis of the test's own on a free port of the loopback, storing nothing on disk. Disposing it ends it. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const program = findRedisProgram(dataDir)
  if (!program) throw new Error(redisSkipReason())
  const folder = await mkdtemp(join(tmpdir(), 'tek-redis-'))
  const port = options.port ?? (await freePort())
  const settings = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', folder, '--save', '', '--appendonly', 'no']
  const server = startProgram(program.path, [...settings, '--daemonize', 'no', ...(options.args ?? [])])
  await Promise.race([
    eventually(() => reach(port)),
    server.exited().then((code) => {
      throw new Error(`${program.path} ended (${code}) at start:\n${server.output()}`)
    }),
  ])
  const stop = async (): Promise<void> => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
  return {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: server.pid,
    kill: server.kill,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/**
 * A port that nobody listens on at this moment, and that the system gives to no outgoing connection: one of another test
 * could otherwise have it by the time that the program under test listens.
 */
export async function freePort(): Promise<number> {
  const end = endOfOurPorts()
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (end - FIRST_PORT))
    if (await canListen(port)) return port
  }
}

const FIRST_PORT = 10_000

/** Where Linux begins with the ports of outgoing connections; other systems begin higher. */
function endOfOurPorts(): number {
  const usual = 32_768
  const range = '/proc/sys/net/ipv4/ip_local_port_range'
  const first = existsSync(range) ? Number(readFileSync(range, 'utf8').trim().split(/\s+/)[0]) : usual
  return first >= FIRST_PORT + 1000 ? Math.min(first, usual) : usual
}

function canListen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const probe = createServer()
  probe.once('error', () => resolve(false))
  // On every address, as some of the programs do.
  probe.listen(port, () => probe.close(() => resolve(true)))
  return promise
}

function reach(port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ host: '127.0.0.1', port })
  socket.once('connect', () => {
    socket.destroy()
    resolve()
  })
  socket.once('error', reject)
  return promise
}
