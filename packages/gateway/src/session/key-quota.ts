import { windowAt, windowCounter } from '../limits/fixed-window.ts'
import { limiterKey, quotaKey } from '../limits/limiter-key.ts'
import type { RedisClient } from '../redis/stores.ts'
import type { Limit } from './limit.ts'
import { copySession, type Session } from './session.ts'

/** Counters of a key, one per scope; the key's own has the empty scope. */
const scopesOf = (session: Session): string[] => [
  ...new Set(['', ...Object.values(session.access_rights).map((right) => right.allowance_scope)]),
]

/** Starts every quota of a key anew, and its rates as far as they are counted in Redis under the key's own name. */
export async function resetLimits(
  redis: RedisClient,
  storageKey: string,
  session: Session,
  nowMs: number,
): Promise<void> {
  const quotas = scopesOf(session).map((scope) => quotaKey(scope, storageKey))
  await Promise.all([removeAll(redis, quotas), resetRates(redis, storageKey, session, nowMs)])
}

/** Starts the rates anew, as `resetLimits` does, and leaves the quotas alone. */
export async function resetRates(
  redis: RedisClient,
  storageKey: string,
  session: Session,
  nowMs: number,
): Promise<void> {
  const names = scopesOf(session).flatMap((scope) =>
    rateStateOf(limiterKey(scope, storageKey), periodsOf(session, scope), nowMs),
  )
  await removeAll(redis, names)
}

/** Single commands: in a cluster the names live on different nodes. */
const removeAll = (redis: RedisClient, names: readonly string[]): Promise<unknown> =>
  Promise.all(names.map((name) => redis.del(name)))

/** What the algorithms keep of one rate: the log, the mark of the sentinel, the smoothed allowance, the present windows. */
const rateStateOf = (key: string, periods: readonly number[], nowMs: number): string[] => [
  key,
  `${key}.BLOCKED`,
  `${key}-allowance`,
  ...periods.map((per) => windowCounter(key, windowAt(nowMs, per).startMs)),
]

/** Seconds; of the limits that are counted in a scope. */
function periodsOf(session: Session, scope: string): number[] {
  const limits = Object.values(session.access_rights).flatMap((right) =>
    right.allowance_scope === scope && right.limit !== null ? [right.limit] : [],
  )
  return [...new Set([session, ...limits].map(({ per }) => per).filter((per) => per > 0))]
}

/** A copy with the figures of quotas as the counters have them, in the session and in every limit of an API. */
export async function withCountedQuota(
  redis: RedisClient,
  storageKey: string,
  session: Session,
  nowMs: number,
): Promise<Session> {
  const scopes = scopesOf(session)
  const counters = new Map(
    await Promise.all(
      scopes.map(async (scope) => [scope, await readCounter(redis, quotaKey(scope, storageKey), nowMs)] as const),
    ),
  )
  const counted = <L extends Limit>(limit: L, scope: string): L => {
    const counter = counters.get(scope) ?? null
    if (counter === null) return limit
    const quota_remaining = Math.max(0, limit.quota_max - counter.count)
    return { ...limit, quota_remaining, quota_renews: counter.renews ?? limit.quota_renews }
  }
  const copy = counted(copySession(session), '')
  for (const [apiId, right] of Object.entries(copy.access_rights)) {
    if (right.limit === null) continue
    copy.access_rights[apiId] = { ...right, limit: counted(right.limit, right.allowance_scope) }
  }
  return copy
}

interface Counter {
  readonly count: number
  /** Unix seconds; null: the period does not end. */
  readonly renews: number | null
}

/** Null: nothing has been counted in this period. */
async function readCounter(redis: RedisClient, name: string, nowMs: number): Promise<Counter | null> {
  const [count, leftMs] = await Promise.all([redis.get(name), redis.pttl(name)])
  if (count === null) return null
  return { count: Number.parseInt(count, 10) || 0, renews: leftMs < 0 ? null : Math.floor((nowMs + leftMs) / 1000) }
}
