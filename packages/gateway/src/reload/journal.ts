import { LEDGER_TTL_SECONDS, RELOADS_KEPT, RELOADS_KEY } from '@tek/analytics-record'
import { Command } from 'ioredis'
import type { Log } from '../log/log.ts'
import type { RedisStores } from '../redis/stores.ts'
import { AS_TEXT, isError, transact } from '../redis/transaction.ts'

/** Notes when a reload was over, and whether it worked. */
export type ReloadJournal = (worked: boolean) => void

/** What Redis will say again next time: about the user's rights, a disabled command, a key that is something else. */
const FOR_GOOD = /^(NOPERM|WRONGTYPE|ERR)\b/

/**
 * A journal beside the ledger of the records, for whoever looks at charts of the traffic: what goes wrong often began with a
 * reload. One that Redis does not take is not noted, and costs nothing else.
 */
export function createReloadJournal(redis: RedisStores, log: Log, now: () => number): ReloadJournal {
  let refused = false
  const note = async (entry: string): Promise<void> => {
    const outcome = await transact(redis.analytics, [
      new Command('lpush', [RELOADS_KEY, entry], AS_TEXT),
      new Command('ltrim', [RELOADS_KEY, 0, RELOADS_KEPT - 1], AS_TEXT),
      new Command('expire', [RELOADS_KEY, LEDGER_TTL_SECONDS], AS_TEXT),
    ])
    const err = outcome.kind === 'failed' ? outcome.reason : outcome.results.find(isError)
    if (err === undefined) return
    refused = isError(err) && FOR_GOOD.test(err.message)
    const text = refused
      ? 'Redis refuses the journal of reloads: none is noted until the next start. analytics_ledger (TYK_GW_ANALYTICSLEDGER) switches it off'
      : 'The reload is not noted in Redis'
    log.warn({ prefix: 'main', err, key: RELOADS_KEY }, text)
  }
  return (worked) => {
    if (redis.isUp && !refused) void note(`${now()} ${worked ? 'done' : 'failed'}`)
  }
}
