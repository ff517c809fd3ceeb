import { quotaKey } from '../limits/limiter-key.ts'
import type { RedisClient } from '../redis/stores.ts'
import { copySession, type Session } from './session.ts'

/** Counters of a key, one per scope; the key's own has the empty scope. */
const scopesOf = (session: Session): string[] => [
  ...new Set(['', ...Object.values(session.access_rights).map((right) => right.allowance_scope)]),
]

/** Starts every quota of a key anew. */
export async function resetQuota(redis: RedisClient, storageKey: string, session: Session): Promise<void> {
  const names = scopesOf(session).map((scope) => quotaKey(scope, storageKey))
  // Single commands: in a cluster the names live on different nodes.
  await Promise.all([`rate-limit-${storageKey}.BLOCKED`, ...names].map((name) => redis.del(name)))
}

/** A copy with `quota_remaining` as the counters have it, in the session and in every limit of an API. */
export async function withCountedQuota(redis: RedisClient, storageKey: string, session: Session): Promise<Session> {
  const scopes = scopesOf(session)
  const counts = await Promise.all(scopes.map((scope) => redis.get(quotaKey(scope, storageKey))))
  const countOf = new Map(scopes.map((scope, i) => [scope, counts[i] ?? null]))
  const remaining = (max: number, scope: string): number | null => {
    const count = countOf.get(scope) ?? null
    return count === null ? null : Math.max(0, max - (Number.parseInt(count, 10) || 0))
  }
  const copy = copySession(session)
  copy.quota_remaining = remaining(copy.quota_max, '') ?? copy.quota_remaining
  for (const [apiId, right] of Object.entries(copy.access_rights)) {
    if (right.limit === null) continue
    const left = remaining(right.limit.quota_max, right.allowance_scope)
    if (left !== null) copy.access_rights[apiId] = { ...right, limit: { ...right.limit, quota_remaining: left } }
  }
  return copy
}
