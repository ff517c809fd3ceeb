import { emptyAccessRights, type AccessRight, type AccessRights } from './access-rights.ts'
import { isEmptyLimit } from './limit.ts'
import { mergePartitions, mergePerApi } from './merge-rights.ts'
import { readPolicy, usesPartitions, type Policy } from './policy.ts'
import { copySession, policyIdsOf, type Session } from './session.ts'

/** A session with its policies applied, or why that is not possible: then the key is as good as unknown. */
export type Applied =
  { readonly session: Session; readonly failure: null } | { readonly session: null; readonly failure: string }

/** Finds a policy within the organisation at hand. */
export type PolicyLookup = (id: string) => Policy | undefined

/** What the policies applied so far have set, by API. */
export interface ApplyState {
  readonly rights: AccessRights
  /** The policy (or scope) behind the access rights of an API; several of them count their limits apart. */
  readonly owners: Map<string, string>
  readonly didAcl: Set<string>
  readonly didQuota: Set<string>
  readonly didRateLimit: Set<string>
  readonly didComplexity: Set<string>
  /** Policies of the two kinds cannot be combined. */
  kind: 'per-api' | 'partitioned' | null
}

/**
 * Applies the policies a session asks for, on a copy.
 *
 * @param orgId - the API's organisation; a policy of another one refuses the key.
 */
export function applyPolicies(stored: Session, lookup: PolicyLookup, orgId: string): Applied {
  const session = copySession(stored)
  const own = policiesInMetadata(session)
  const find: PolicyLookup = own === null ? lookup : (id) => own.get(id)
  const ids = own === null ? policyIdsOf(session) : [...own.keys()]
  clearWhatPoliciesSet(session, ids, find)
  const state = newState()
  let inactive = false
  const tags = new Set<string>()
  for (const id of ids) {
    const policy = find(id)
    if (policy === undefined) {
      if (ids.length > 1) continue
      return failed(`policy not found: "${id}"`)
    }
    const failure = applyOne(session, policy, orgId, state)
    if (failure !== null) return failed(failure)
    inactive ||= policy.is_inactive
    for (const tag of policy.tags) tags.add(tag)
  }
  // With policies, only they decide whether the key is active.
  if (ids.length > 0) session.is_inactive = inactive
  for (const tag of session.tags) tags.add(tag)
  session.tags = [...tags]
  if (ids.length === 0) scopeOwnLimits(session)
  finish(session, state)
  if (ids.length > 0 && Object.keys(session.access_rights).length === 0) {
    return failed('key has no valid policies to be applied')
  }
  return { session, failure: null }
}

const failed = (failure: string): Applied => ({ session: null, failure })

const newState = (): ApplyState => ({
  rights: emptyAccessRights(),
  owners: new Map(),
  didAcl: new Set(),
  didQuota: new Set(),
  didRateLimit: new Set(),
  didComplexity: new Set(),
  kind: null,
})

/** Whole policies inside the metadata go before the list of ids; null when there are none. */
function policiesInMetadata(session: Session): Map<string, Policy> | null {
  const list = session.meta_data?.['policies']
  if (!Array.isArray(list)) return null
  try {
    return new Map(list.map((item) => readPolicy(item)).map((policy) => [policy.id, policy]))
  } catch {
    // Metadata is free text of whoever made the key; a list of something else is not a list of policies.
    return null
  }
}

/** Takes away what an earlier application wrote into the stored session. Stops at the first unknown policy. */
function clearWhatPoliciesSet(session: Session, ids: readonly string[], find: PolicyLookup): void {
  for (const id of ids) {
    const policy = find(id)
    if (policy === undefined) return
    const { partitions } = policy
    const all = !usesPartitions(policy)
    if (all || partitions.quota) {
      session.quota_max = 0
      session.quota_remaining = 0
    }
    if (all || partitions.rate_limit) {
      session.rate = 0
      session.per = 0
      session.smoothing = null
      session.throttle_interval = 0
      session.throttle_retry_limit = 0
    }
    if (all || partitions.complexity) session.max_query_depth = 0
  }
}

/** Returns what forbids the policy, or null. */
function applyOne(session: Session, policy: Policy, orgId: string, state: ApplyState): string | null {
  if (policy.org_id !== orgId) return 'attempting to apply policy from different organisation to key, skipping'
  const perApi = policy.partitions.per_api
  if (perApi && usesPartitions(policy)) {
    return `cannot apply policy ${policy.id} which has per_api and any of partitions set`
  }
  const kind = perApi ? 'per-api' : 'partitioned'
  if (state.kind !== null && state.kind !== kind) {
    return 'cannot apply multiple policies when some have per_api set and some are partitioned'
  }
  state.kind = kind
  if (perApi) mergePerApi(session, policy, state)
  else mergePartitions(session, policy, state)
  if (policy.meta_data !== null) session.meta_data = { ...session.meta_data, ...policy.meta_data }
  if (policy.last_updated > session.last_updated) session.last_updated = policy.last_updated
  if (policy.post_expiry_action !== '') {
    session.post_expiry_action = policy.post_expiry_action
    session.post_expiry_grace_period = policy.post_expiry_grace_period
  }
  return null
}

/** Without policies, an API with limits of its own is counted apart. */
function scopeOwnLimits(session: Session): void {
  for (const [apiId, right] of Object.entries(session.access_rights)) {
    if (right.limit !== null) session.access_rights[apiId] = { ...right, allowance_scope: apiId }
  }
}

function finish(session: Session, state: ApplyState): void {
  const { rights } = state
  const countApart = new Set(state.owners.values()).size > 1
  for (const [apiId, right] of Object.entries(rights)) {
    if (!state.didAcl.has(apiId)) {
      delete rights[apiId]
      continue
    }
    inheritFromSession(session, apiId, right, state)
    if (countApart && right.allowance_scope === '') right.allowance_scope = state.owners.get(apiId) ?? ''
    if (right.limit !== null && isEmptyLimit(right.limit)) right.limit = null
  }
  if (state.didQuota.size === 1 && state.didRateLimit.size === 1 && state.didComplexity.size === 1) {
    for (const { limit } of Object.values(rights)) {
      session.rate = limit?.rate ?? 0
      session.per = limit?.per ?? 0
      session.smoothing = limit?.smoothing ?? null
      session.quota_max = limit?.quota_max ?? 0
      session.quota_renews = limit?.quota_renews ?? 0
      session.quota_renewal_rate = limit?.quota_renewal_rate ?? 0
      session.max_query_depth = limit?.max_query_depth ?? 0
    }
  }
  if (state.didAcl.size > 0) session.access_rights = rights
}

/** What no policy has set for an API, it takes from the session. */
function inheritFromSession(session: Session, apiId: string, right: AccessRight, state: ApplyState): void {
  const { limit } = right
  if (limit === null) return
  if (!state.didRateLimit.has(apiId)) {
    limit.rate = session.rate
    limit.per = session.per
    limit.smoothing = session.smoothing
    limit.throttle_interval = session.throttle_interval
    limit.throttle_retry_limit = session.throttle_retry_limit
    right.endpoints = []
  }
  if (!state.didComplexity.has(apiId)) limit.max_query_depth = session.max_query_depth
  if (!state.didQuota.has(apiId)) {
    limit.quota_max = session.quota_max
    limit.quota_renewal_rate = session.quota_renewal_rate
    limit.quota_renews = session.quota_renews
  }
}
