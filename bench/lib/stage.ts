import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { createAuthority, type Certificate } from '../../test/support/certificates.ts'
import { startRedis } from '../../test/support/redis.ts'
import { LOAD_CORE, pin, type Running, TEST_CORE } from './processes.ts'
import { startUpstream } from './programs/nginx.ts'
import { connectRedis } from './records.ts'

/** What the programs of one scenario share. Disposing it ends everything that was started on it. */
export interface Stage extends AsyncDisposable {
  readonly directory: string
  readonly redis: Redis
  readonly redisPort: number
  readonly upstream: { readonly port: number; readonly process: Running }
  readonly certificate: Certificate
  /** Where the programs under test run. */
  readonly testCores: readonly number[]
  /** Stops this process with the stage, the last one first. */
  keep<P extends Running>(process: P): P
}

export interface StageOptions {
  /** Where Redis and the upstream run; their own core unless said otherwise. */
  readonly cores?: readonly number[]
  /** Where the programs under test run; a core for themselves unless said otherwise. */
  readonly testCores?: readonly number[]
  /** Cores that nginx as the upstream uses at once. */
  readonly upstreamWorkers?: number
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const { cores = LOAD_CORE, testCores = TEST_CORE, upstreamWorkers = 1 } = options
  await using opening = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'tek-bench-'))
  opening.defer(() => rm(directory, { recursive: true, force: true }))
  const server = opening.use(await startRedis())
  pin(server.pid, cores)
  const redis = connectRedis(server.port)
  opening.defer(() => redis.disconnect())
  const authority = opening.use(await createAuthority('bench'))
  const certificate = await authority.issue({ cn: 'localhost', ips: ['127.0.0.1'] })
  const upstream = await startUpstream(join(directory, 'upstream'), cores, upstreamWorkers)
  opening.defer(() => upstream.process.stop())
  const parts = opening.move()
  return {
    directory,
    redis,
    redisPort: server.port,
    upstream,
    certificate,
    testCores,
    keep: (process) => {
      parts.defer(() => process.stop())
      return process
    },
    [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
  }
}
