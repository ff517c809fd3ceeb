/**
 * What the programs before the store say about themselves: the pump over HTTP, lists and ledger from Redis. Each part may be
 * absent; a problem then says why, and what to do.
 */
import type { Pipeline, Reload } from '../api/schema.ts'
import { isTimeout } from '../errors.ts'
import { type PumpReport, readPump } from './pump.ts'
import { createRedisReader, type RedisReport } from './redis.ts'

export type PipelineReport = Pick<Pipeline, 'sinks' | 'lists' | 'ledger' | 'problems'>

export interface PipelineReader {
  /** Whether any part is. */
  readonly configured: boolean
  /** Never rejects for a part that does not answer. */
  read(range: { readonly fromMs: number; readonly toMs: number }, signal: AbortSignal): Promise<PipelineReport>
  /** When gateways had reloaded their configuration, oldest first; none if Redis does not say at once. */
  reloads(range: { readonly fromMs: number; readonly toMs: number }, signal: AbortSignal): Promise<Reload[]>
  close(): Promise<void>
}

export interface PipelineOptions {
  /** Empty: not configured. */
  readonly pumpUrl: string
  readonly redisUrl: string
}

/** A part that hangs must not keep the others back. */
const MOST_WAIT_MS = 5000
/** A chart is not kept waiting for what is only marked on it. */
const MOST_WAIT_FOR_RELOADS_MS = 500

export function createPipelineReader({ pumpUrl, redisUrl }: PipelineOptions): PipelineReader {
  const redis = redisUrl === '' ? null : createRedisReader(redisUrl)

  const tryPump = async (signal: AbortSignal, problems: Pipeline['problems']): Promise<PumpReport | null> => {
    if (pumpUrl === '') {
      const message = 'the address of the pump is not configured'
      problems.push({ part: 'pump', message, cure: 'set pump_url (TEK_EXPLORER_PUMP_URL), e.g. http://localhost:8083' })
      return null
    }
    try {
      const report = await readPump(pumpUrl, signal)
      if (!report.ready) {
        const message = 'the pump says that it is not ready'
        problems.push({ part: 'pump', message, cure: 'run: pump check. It says at which step records stop' })
      }
      return report
    } catch (error) {
      const cure =
        'look whether the pump runs and whether health_check_endpoint_port is the port of pump_url; run: pump check'
      problems.push({ part: 'pump', message: `the pump does not answer: ${reasonOf(error)}`, cure })
      return null
    }
  }

  const tryRedis = async (
    range: { readonly fromMs: number; readonly toMs: number },
    pump: Promise<PumpReport | null>,
    signal: AbortSignal,
    problems: Pipeline['problems'],
  ): Promise<RedisReport | null> => {
    if (redis === null) {
      const message = 'Redis is not configured: no lengths of lists, no ledger'
      problems.push({ part: 'redis', message, cure: 'set redis_url (TEK_EXPLORER_REDIS_URL), or run: pump ledger' })
      return null
    }
    try {
      const report = await redis.read(range, pump, signal)
      problems.push(...report.problems)
      return report
    } catch (error) {
      const cure = 'look whether Redis runs and takes these credentials; in a cluster run: pump ledger'
      problems.push({ part: 'redis', message: `Redis does not answer: ${reasonOf(error)}`, cure })
      return null
    }
  }

  return {
    configured: pumpUrl !== '' || redisUrl !== '',
    async read(range, signal) {
      const problems: Pipeline['problems'] = []
      const both = AbortSignal.any([signal, AbortSignal.timeout(MOST_WAIT_MS)])
      const asked = tryPump(both, problems)
      const [pump, found] = await Promise.all([asked, tryRedis(range, asked, both, problems)])
      return { sinks: pump?.sinks ?? null, lists: found?.lists ?? null, ledger: found?.ledger ?? null, problems }
    },
    async reloads(range, signal) {
      if (redis === null) return []
      const both = AbortSignal.any([signal, AbortSignal.timeout(MOST_WAIT_FOR_RELOADS_MS)])
      return redis.reloads(range, both).catch(() => [])
    },
    close: async () => redis?.close(),
  }
}

/** Without the address, which may hold credentials. */
function reasonOf(error: unknown): string {
  if (isTimeout(error)) return `nothing within ${MOST_WAIT_MS / 1000} s`
  const { cause, message } = error as Error
  return cause instanceof Error ? cause.message : message
}
