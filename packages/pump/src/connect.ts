import { once } from 'node:events'
import { ledgerSinksKey } from './lease/index.ts'
import { registerSinks } from './ledger/index.ts'
import type { Log } from './log/log.ts'
import { OncePerInterval } from './log/once-per-interval.ts'
import type { RedisConnection } from './redis/connection.ts'
import { version } from './version.ts'

/** Resolves when the first attempt to connect has ended, well or badly: before that every command would fail. */
export async function firstAttempt(redis: RedisConnection, stopping: AbortSignal): Promise<void> {
  if (redis.isUp() || stopping.aborted) return
  // once() rejects on an error event, which is as good an answer as any.
  await once(redis.client, 'ready', { signal: stopping }).catch(() => undefined)
}

/** What is done once per process, as soon as Redis answers. */
export function greetRedis(redis: RedisConnection, log: Log): void {
  const greet = (): void => {
    void storeVersion(redis, log)
    void warnOfEviction(redis, log)
  }
  if (redis.isUp()) greet()
  else redis.client.once('ready', greet)
}

/** Says in Redis which sinks are in the ledger, each time it can be asked anew: it may have been emptied. */
export function noteInLedger(redis: RedisConnection, prefix: string, sinks: readonly string[], log: Log): void {
  const note = (): void => {
    registerSinks(redis.client, ledgerSinksKey(prefix), sinks).catch((error: unknown) => {
      log.error(`Error noting sinks in the ledger: ${redis.explain(error)}`)
    })
  }
  redis.client.on('ready', note)
  if (redis.isUp()) note()
}

/** Tyk's programs show the pump's version from here. */
async function storeVersion(redis: RedisConnection, log: Log): Promise<void> {
  try {
    await redis.client.set('version-check-pump', version)
  } catch (error) {
    log.error(`Error storing version: ${redis.explain(error)}`)
  }
}

async function warnOfEviction(redis: RedisConnection, log: Log): Promise<void> {
  try {
    const answer = await redis.client.config('GET', 'maxmemory-policy')
    const policy = Array.isArray(answer) ? String(answer[1]) : ''
    if (policy.startsWith('allkeys-')) {
      log.warn(
        { policy },
        'Redis may evict records that were not delivered yet: set maxmemory-policy to noeviction or volatile-*',
      )
    }
  } catch {
    // Managed servers do not let everybody ask.
  }
}

/** Logs trouble with Redis in Tyk's words, once per interval and at once when it comes back after a while. */
export function logRedisTrouble(redis: RedisConnection, log: Log, intervalMs: number): (error: unknown) => void {
  const troubles = new OncePerInterval(intervalMs)
  redis.client.on('ready', () => troubles.reset())
  return (error) => {
    troubles.run(() => log.error(`Error on Purge Loop. Is Temporal Storage down?: ${redis.explain(error)}`))
  }
}
