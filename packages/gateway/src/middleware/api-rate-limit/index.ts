// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import { createCountedLog } from '../../auth/counted-log.ts'
import { hashText } from '../../auth/key-hash.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { LimiterUnavailableError, type RateBucket, type Taken } from '../../limits/limiter.ts'
import { limiterKey } from '../../limits/limiter-key.ts'
import { showRate } from '../../limits/show-rate.ts'
import { compileEndpoints, entriesOf } from '../../router/endpoint.ts'

const EXCEEDED: Answer = { kind: 'error', error: gatewayErrors.apiRateLimitExceeded }

/** Counts every request of an API, keyless ones too, against the API's rate or that of the endpoint. */
export const apiRateLimitMiddleware: MiddlewareDefinition = {
  name: 'RateLimitForAPI',
  compile(api, deps) {
    const { definition } = api
    if (definition.disable_rate_limit) return null
    const { rate, per, disabled } = definition.global_rate_limit
    const whole = disabled ? null : bucketOf(api, deps, rate, per)
    return compilePerVersion(definition, undefined, (version) => compileStep(version, whole, api, deps))
  },
}

function compileStep(
  version: ApiVersion,
  whole: RateBucket | null,
  api: CompiledApi,
  deps: ChainDeps,
): Middleware | null {
  const limited = entriesOf(version, 'rate_limit').filter(({ rate, per }) => per > 0 && rate !== 0)
  // Wrapped, so that an endpoint without a limit of its own can be told from one that is unlimited.
  const find = compileEndpoints(limited, api, deps, ({ method, path, rate, per }) => ({
    bucket: bucketOf(api, deps, rate, per, `${method}:${path}`),
  }))
  if (find === null && whole === null) return null
  const take = createTaker(api, deps)
  return (ctx) => {
    const endpoint = find === null ? null : find(ctx.method, ctx.path)
    const bucket = endpoint === null ? whole : endpoint.bucket
    return bucket === null ? undefined : take(ctx, bucket)
  }
}

/** @param endpoint - method and path as configured; empty for the API as a whole. */
function bucketOf(
  api: CompiledApi,
  { config }: ChainDeps,
  rate: number,
  perSeconds: number,
  endpoint = '',
): RateBucket | null {
  if (!(rate > 0)) return null
  const name = `apilimiter-${api.orgId}${api.apiId}`
  const id = endpoint === '' ? name : `${name}-${hashText(endpoint, 'murmur32')}`
  const key = limiterKey(config.hash_keys ? hashText(id, 'murmur32') : id)
  // A changed definition counts afresh; an unchanged one goes on over a reload.
  return { key, localName: `${key}:${api.checksum}`, rate, perSeconds, smoothing: null }
}

type Take = (ctx: RequestContext, bucket: RateBucket) => Answer | undefined | Promise<Answer | undefined>

function createTaker(api: CompiledApi, { config, limiter, log, now }: ChainDeps): Take {
  const showsRates = config.rate_limit_response_headers === 'rate_limits'
  const failures = createCountedLog(log, 'info', now)
  const problems = createCountedLog(log, 'error', now)

  const eventKey = `apilimiter-${api.orgId}${api.apiId}`

  const answerTo = (ctx: RequestContext, bucket: RateBucket, taken: Taken): Answer | undefined => {
    if (showsRates) showRate(ctx, bucket, taken)
    if (taken.allowed) return undefined
    failures.note('API Rate Limit Exceeded', () => ({ api_id: api.apiId }))
    api.events?.fire('RatelimitExceeded', ctx, eventKey, gatewayErrors.apiRateLimitExceeded.message)
    return EXCEEDED
  }

  async function waitFor(ctx: RequestContext, bucket: RateBucket, taking: Promise<Taken>): Promise<Answer | undefined> {
    try {
      return answerTo(ctx, bucket, await taking)
    } catch (err) {
      if (!(err instanceof LimiterUnavailableError)) throw err
      problems.note('rate of the API could not be counted, request allowed', () => ({ err, api_id: api.apiId }))
      return undefined
    }
  }

  return (ctx, bucket) => {
    const taken = limiter.take(bucket)
    return taken instanceof Promise ? waitFor(ctx, bucket, taken) : answerTo(ctx, bucket, taken)
  }
}
