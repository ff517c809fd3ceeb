import { readObject, withoutZeros, type ObjectReader } from './go-json.ts'

/** Steps in which a limit moves with the load; stored and passed on. */
export interface Smoothing {
  enabled: boolean
  threshold: number
  trigger: number
  step: number
  delay: number
}

/** Rate, throttle and quota together: what a session, a policy and the limit of one API have in common. */
export interface Limit {
  /** Requests per `per` seconds; not positive: unlimited. */
  rate: number
  per: number
  smoothing: Smoothing | null
  throttle_interval: number
  throttle_retry_limit: number
  max_query_depth: number
  /** Requests per renewal period; not positive: unlimited. */
  quota_max: number
  /** Unix seconds; a copy for information, the counter in Redis decides. */
  quota_renews: number
  quota_remaining: number
  /** Seconds; not positive: the quota never renews. */
  quota_renewal_rate: number
}

export function readLimit(from: ObjectReader): Limit {
  return {
    rate: from.number('rate'),
    per: from.number('per'),
    smoothing: readSmoothing(from.map('smoothing')),
    throttle_interval: from.number('throttle_interval'),
    throttle_retry_limit: from.integer('throttle_retry_limit'),
    max_query_depth: from.integer('max_query_depth'),
    quota_max: from.integer('quota_max'),
    quota_renews: from.integer('quota_renews'),
    quota_remaining: from.integer('quota_remaining'),
    quota_renewal_rate: from.integer('quota_renewal_rate'),
  }
}

export const emptyLimit = (): Limit => readLimit(readObject({}))

export function isEmptyLimit(limit: Limit): boolean {
  return (
    limit.rate === 0 &&
    limit.per === 0 &&
    limit.smoothing === null &&
    limit.throttle_interval === 0 &&
    limit.throttle_retry_limit === 0 &&
    limit.max_query_depth === 0 &&
    limit.quota_max === 0 &&
    limit.quota_renews === 0 &&
    limit.quota_remaining === 0 &&
    limit.quota_renewal_rate === 0
  )
}

function readSmoothing(json: Record<string, unknown> | null): Smoothing | null {
  if (json === null) return null
  const from = readObject(json, 'smoothing.')
  const smoothing = {
    enabled: from.boolean('enabled'),
    threshold: from.integer('threshold'),
    trigger: from.number('trigger'),
    step: from.integer('step'),
    delay: from.integer('delay'),
  }
  return smoothing.enabled ? smoothing : null
}

/** The members of a limit that are not zero, in the order they are stored. */
export function formatLimit(limit: Limit): Record<string, unknown> {
  const { rate, per, smoothing, throttle_interval, throttle_retry_limit, max_query_depth, ...quota } = limit
  return withoutZeros({
    rate,
    per,
    smoothing: smoothing === null ? null : withoutZeros({ ...smoothing }),
    throttle_interval,
    throttle_retry_limit,
    max_query_depth,
    quota_max: quota.quota_max,
    quota_renews: quota.quota_renews,
    quota_remaining: quota.quota_remaining,
    quota_renewal_rate: quota.quota_renewal_rate,
  })
}

/** Seconds from one request to the next at full rate; 0, the fastest, when the rate is unlimited. */
export const secondsPerRequest = ({ rate, per }: { readonly rate: number; readonly per: number }): number =>
  rate <= 0 || per <= 0 ? 0 : per / rate
