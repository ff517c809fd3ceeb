import type { Limit } from './limit.ts'
import { copySession, type Session } from './session.ts'

/** A copy of a session with the figures of a counted quota in every limit that shares the counter. */
export function withQuotaCopies(
  session: Session,
  scope: string,
  quota: { readonly remaining: number; readonly renews: number },
): Session {
  const copy = copySession(session)
  const figures: Pick<Limit, 'quota_remaining' | 'quota_renews'> = {
    quota_remaining: quota.remaining,
    quota_renews: quota.renews,
  }
  for (const [apiId, right] of Object.entries(copy.access_rights)) {
    if (right.limit === null || right.allowance_scope !== scope) continue
    copy.access_rights[apiId] = { ...right, limit: { ...right.limit, ...figures } }
  }
  return scope === '' ? Object.assign(copy, figures) : copy
}
