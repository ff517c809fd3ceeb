import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RedisServer, freePort, startRedis } from './redis.ts'

/** A Redis that writes every command to its append-only file before it answers, so that a kill -9 loses nothing. */
export interface DurableRedis extends AsyncDisposable {
  readonly port: number
  /** kill -9. */
  kill(): Promise<void>
  /** Starts again with what the file holds. */
  start(): Promise<void>
}

/** @param more - More command line options, of each start. */
export async function startDurableRedis(more: readonly string[] = []): Promise<DurableRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'tek-durable-'))
  const port = await freePort()
  const args = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', ...more]
  let server: RedisServer | null = await startRedis({ port, args })
  return {
    port,
    async kill() {
      server?.kill('SIGKILL')
      await server?.stop()
      server = null
    },
    async start() {
      server ??= await startRedis({ port, args })
    },
    async [Symbol.asyncDispose]() {
      await server?.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
