import { hashText } from '../auth/key-hash.ts'
import type { RateBucket } from './limiter.ts'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { ChainDeps } from '../chain/types.ts'
import { compileTemplate, type Template } from '../chain/variables.ts'
import { compilePathPattern, type PathMatching, type PathTest } from '../router/path-pattern.ts'
import { limitFor, type Session } from '../session/session.ts'
import { limiterKey, quotaKey } from './limiter-key.ts'

/** Limits of one key on one API, with every name made: what the step needs per request. */
export interface LimitPlan {
  /** Null: unlimited. */
  readonly rate: RateBucket | null
  /** The first that fits method and path replaces `rate`. */
  readonly endpoints: readonly {
    readonly method: string
    readonly pattern: PathTest
    readonly rate: RateBucket | null
  }[]
  readonly throttle: { readonly retries: number; readonly intervalMs: number } | null
  /** Null: no quota. */
  readonly quota: { readonly counter: string; readonly max: number; readonly periodSeconds: number } | null
  readonly scope: string
  /** What events call the key: the custom name it is counted by; null: the key itself. */
  readonly eventKey: string | null
}

/** Metadata that names the counters of a key instead of the key itself; variables in it are filled in per request. */
export function customLimitName(session: Session, deps: ChainDeps): Template | null {
  const pattern = session.meta_data?.['rate_limit_pattern']
  if (typeof pattern !== 'string' || pattern === '') return null
  try {
    return compileTemplate(pattern, { env: deps.env, secrets: deps.config.secrets, stored: null })
  } catch (err) {
    deps.log.error({ err }, 'rate_limit_pattern: cannot be used, the key itself is counted')
    return null
  }
}

/**
 * @param id - the key's hash, or the custom name.
 * @param isCustom - a custom name keeps its bucket when the key is updated.
 */
export function planLimits(
  session: Session,
  api: CompiledApi,
  id: string,
  isCustom: boolean,
  matching: PathMatching,
): LimitPlan {
  const { definition, apiId } = api
  const right = session.access_rights[apiId]
  const limit = limitFor(session, apiId)
  const scope = right?.allowance_scope ?? ''
  const suffix = isCustom ? '' : `:${session.last_updated}`
  const rateOf = (rate: number, per: number, name: string): RateBucket | null =>
    rate > 0 ? { key: name, localName: name + suffix, rate, perSeconds: per, smoothing: limit.smoothing } : null
  const limitsRates = !definition.disable_rate_limit
  const hasQuota = !definition.disable_quota && limit.quota_max > 0
  return {
    rate: limitsRates ? rateOf(limit.rate, limit.per, limiterKey(scope, id)) : null,
    endpoints: limitsRates ? planEndpoints() : [],
    throttle:
      limit.throttle_retry_limit > 0
        ? { retries: limit.throttle_retry_limit, intervalMs: Math.max(0, limit.throttle_interval) * 1000 }
        : null,
    quota: hasQuota
      ? { counter: quotaKey(scope, id), max: limit.quota_max, periodSeconds: limit.quota_renewal_rate }
      : null,
    scope,
    eventKey: isCustom ? id : null,
  }

  function planEndpoints(): LimitPlan['endpoints'] {
    return (right?.endpoints ?? []).flatMap(({ path, methods }) => {
      const pattern = compilePathPattern(path, matching)
      if (pattern === null) return []
      return methods.map(({ name, rate, per }) => ({
        method: name.toUpperCase(),
        pattern,
        rate: rateOf(rate, per, limiterKey(scope, id, hashText(`${name}:${path}`, 'murmur32'))),
      }))
    })
  }
}
