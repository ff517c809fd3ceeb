import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findRedisProgram, redisHelp } from '../../scripts/redis/find-redis.ts'
import { type Program, startProgram } from './process.ts'

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
  const args = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', '--daemonize', 'no']
  const { port, server } = await listening(program.path, [...args, ...(options.args ?? [])], options.port).catch(
    async (error: unknown) => {
      await rm(folder, { recursive: true, force: true })
      throw error
    },
  )
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

const MOST_ATTEMPTS = 5

/** Without a given port, one that somebody else took meanwhile is exchanged for another. */
async function listening(
  path: string,
  args: readonly string[],
  given: number | undefined,
): Promise<{ port: number; server: Program }> {
  const isTaken = /address already in use|failed listening/i
  for (let attempt = 1; ; attempt++) {
    const port = given ?? (await (args.includes('--cluster-enabled') ? freeClusterPort() : freePort()))
    const server = startProgram(path, ['--port', `${port}`, ...args])
    try {
      await server.waitForLine(/ready to accept connections/i)
      return { port, server }
    } catch (error) {
      await server.stop()
      if (given !== undefined || attempt === MOST_ATTEMPTS || !isTaken.test(server.output())) throw error
    }
  }
}

/** A node of a cluster also listens on the port 10,000 above its own. */
async function freeClusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort(endOfOurPorts() - CLUSTER_OFFSET)
    if (await canListen(port + CLUSTER_OFFSET)) return port
  }
}

const CLUSTER_OFFSET = 10_000

/**
 * A port that nobody listens on at this moment, and that the system gives to no outgoing connection: one of another test
 * could otherwise have it by the time that the program under test listens.
 */
export async function freePort(end = endOfOurPorts()): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (end - FIRST_PORT))
    if (await canListen(port)) return port
  }
}

/** fetch refuses 10080. */
const FIRST_PORT = 10_100

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
