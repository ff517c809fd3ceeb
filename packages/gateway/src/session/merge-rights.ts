import type { AccessRight, AllowedUrl, EndpointLimit, EndpointMethodLimit } from './access-rights.ts'
import { copyAccessRight } from './access-rights.ts'
import type { ApplyState } from './apply.ts'
import { emptyLimit, secondsPerRequest, type Limit } from './limit.ts'
import { limitOfPolicy, usesPartitions, type Policy } from './policy.ts'
import type { Session } from './session.ts'

/** A policy that gives every API of its own a limit of its own. */
export function mergePerApi(session: Session, policy: Policy, state: ApplyState): void {
  for (const [apiId, granted] of Object.entries(policy.access_rights)) {
    const right = copyAccessRight(granted)
    const ownLimit = right.limit !== null
    right.limit ??= limitOfPolicy(policy)
    right.allowance_scope = ownLimit ? apiId : policy.id
    right.limit.quota_renews = storedRenewal(session, apiId)
    const earlier = state.rights[apiId]
    if (earlier !== undefined) keepWhatWasBetter(right, right.limit, earlier)
    state.rights[apiId] = right
    state.owners.set(apiId, right.allowance_scope)
    for (const did of [state.didAcl, state.didQuota, state.didRateLimit, state.didComplexity]) did.add(apiId)
  }
}

const storedRenewal = (session: Session, apiId: string): number =>
  session.access_rights[apiId]?.limit?.quota_renews ?? 0

/** Of two per-API policies for one API, the faster rate and the larger quota hold, each with its counter. */
function keepWhatWasBetter(right: AccessRight, limit: Limit, earlier: AccessRight): void {
  const before = earlier.limit ?? emptyLimit()
  if (secondsPerRequest(before) < secondsPerRequest(limit)) {
    limit.rate = before.rate
    limit.per = before.per
    limit.smoothing = before.smoothing
    right.allowance_scope = earlier.allowance_scope
  }
  if (isLargerQuota(before.quota_max, limit.quota_max)) {
    limit.quota_max = before.quota_max
    right.allowance_scope = earlier.allowance_scope
  }
  limit.quota_renewal_rate = Math.max(limit.quota_renewal_rate, before.quota_renewal_rate)
  if (limit.quota_max === -1) limit.quota_renewal_rate = 0
  right.endpoints = mergeEndpoints(earlier.endpoints, right.endpoints)
}

/** A policy for the whole key, or for the partitions of it that the policy names. */
export function mergePartitions(session: Session, policy: Policy, state: ApplyState): void {
  const all = !usesPartitions(policy)
  const { partitions } = policy
  for (const [apiId, granted] of Object.entries(policy.access_rights)) {
    const right = state.rights[apiId] ?? emptyRight()
    const limit = (right.limit ??= emptyLimit())
    if (all || partitions.acl) {
      right.versions = [...new Set([...right.versions, ...granted.versions])]
      right.allowed_urls = mergeAllowedUrls(right.allowed_urls, granted.allowed_urls)
      Object.assign(right.extra, granted.extra)
      state.didAcl.add(apiId)
      state.owners.set(apiId, policy.id)
    }
    if (all || partitions.quota) {
      mergeQuota(session, policy, limit)
      state.didQuota.add(apiId)
    }
    if (all || partitions.rate_limit) {
      mergeRate(session, policy, limit)
      right.endpoints = mergeEndpoints(right.endpoints, granted.endpoints)
      state.didRateLimit.add(apiId)
    }
    if (all || partitions.complexity) {
      mergeDepth(session, policy, limit)
      state.didComplexity.add(apiId)
    }
    limit.quota_renews = storedRenewal(session, apiId)
    state.rights[apiId] = right
  }
  if (Object.keys(policy.access_rights).length === 0) setRoot(session, policy, all)
  session.hmac_enabled ||= policy.hmac_enabled
  session.enable_http_signature_validation ||= policy.enable_http_signature_validation
}

/** Names and the API's own limit inside the policy are not taken over. */
const emptyRight = (): AccessRight => ({
  api_name: '',
  api_id: '',
  versions: [],
  allowed_urls: [],
  limit: null,
  allowance_scope: '',
  endpoints: [],
  extra: {},
})

function mergeQuota(session: Session, policy: Policy, limit: Limit): void {
  if (isLargerQuota(policy.quota_max, limit.quota_max)) {
    limit.quota_max = policy.quota_max
    if (isLargerQuota(policy.quota_max, session.quota_max)) session.quota_max = policy.quota_max
  }
  if (policy.quota_renewal_rate > limit.quota_renewal_rate) {
    limit.quota_renewal_rate = policy.quota_renewal_rate
    session.quota_renewal_rate = Math.max(session.quota_renewal_rate, policy.quota_renewal_rate)
  }
}

/** -1 is no limit, and so larger than any. */
const isLargerQuota = (one: number, other: number): boolean => one === -1 || (other !== -1 && one > other)

function mergeRate(session: Session, policy: Policy, limit: Limit): void {
  for (const target of [limit, session]) {
    target.throttle_retry_limit = Math.max(target.throttle_retry_limit, policy.throttle_retry_limit)
    target.throttle_interval = Math.max(target.throttle_interval, policy.throttle_interval)
    if (policy.rate === 0 || policy.per === 0) continue
    const unset = target.rate === 0 || target.per === 0
    if (!unset && secondsPerRequest(target) <= secondsPerRequest(policy)) continue
    target.rate = policy.rate
    target.per = policy.per
    target.smoothing = policy.smoothing
  }
}

function mergeDepth(session: Session, policy: Policy, limit: Limit): void {
  if (!isLargerQuota(policy.max_query_depth, limit.max_query_depth)) return
  limit.max_query_depth = policy.max_query_depth
  if (isLargerQuota(policy.max_query_depth, session.max_query_depth)) session.max_query_depth = policy.max_query_depth
}

/** A policy without access rights speaks for the key itself. */
function setRoot(session: Session, policy: Policy, all: boolean): void {
  const { partitions } = policy
  if (all || partitions.rate_limit) {
    session.rate = policy.rate
    session.per = policy.per
    session.smoothing = policy.smoothing
    session.throttle_interval = policy.throttle_interval
    session.throttle_retry_limit = policy.throttle_retry_limit
  }
  if (all || partitions.complexity) session.max_query_depth = policy.max_query_depth
  if (all || partitions.quota) {
    session.quota_max = policy.quota_max
    session.quota_renewal_rate = policy.quota_renewal_rate
  }
}

function mergeAllowedUrls(known: readonly AllowedUrl[], added: readonly AllowedUrl[]): AllowedUrl[] {
  const methods = new Map<string, string[]>()
  for (const { url, methods: more } of [...known, ...added]) {
    methods.set(url, [...new Set([...(methods.get(url) ?? []), ...more])])
  }
  return [...methods].map(([url, list]) => ({ url, methods: list }))
}

/** The faster limit of each endpoint and method; sorted by path, then method. */
function mergeEndpoints(known: readonly EndpointLimit[], added: readonly EndpointLimit[]): EndpointLimit[] {
  if (known.length === 0 && added.length === 0) return []
  const paths = new Map<string, Map<string, EndpointMethodLimit>>()
  for (const { path, methods } of [...known, ...added]) {
    const byName = paths.get(path) ?? new Map<string, EndpointMethodLimit>()
    paths.set(path, byName)
    for (const method of methods) {
      const before = byName.get(method.name)
      if (before === undefined || isFaster(method, before)) byName.set(method.name, method)
    }
  }
  return [...paths]
    .map(([path, byName]) => ({ path, methods: [...byName.values()].sort(byText((method) => method.name)) }))
    .sort(byText((endpoint) => endpoint.path))
}

function isFaster(one: EndpointMethodLimit, other: EndpointMethodLimit): boolean {
  const difference = secondsPerRequest(one) - secondsPerRequest(other)
  return difference < 0 || (difference === 0 && one.rate > other.rate)
}

const byText =
  <T>(text: (item: T) => string) =>
  (a: T, b: T): number =>
    text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0
