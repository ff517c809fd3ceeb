// Hot path.
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import { gatewayErrors } from '../errors/catalogue.ts'
import { accessRightsMiddleware } from '../middleware/access-rights/index.ts'
import { authTokenMiddleware } from '../middleware/auth-token/index.ts'
import { basicAuthMiddleware } from '../middleware/basic-auth/index.ts'
import { certificateCheckMiddleware } from '../middleware/certificate-check/index.ts'
import { externalOauthMiddleware } from '../middleware/external-oauth/index.ts'
import { httpSignatureMiddleware } from '../middleware/http-signature/index.ts'
import { ipAllowListMiddleware } from '../middleware/ip-allow-list/index.ts'
import { ipDenyListMiddleware } from '../middleware/ip-deny-list/index.ts'
import { jwtMiddleware } from '../middleware/jwt/index.ts'
import { keyExpiredMiddleware } from '../middleware/key-expired/index.ts'
import { openidMiddleware } from '../middleware/openid/index.ts'
import { organisationMonitorMiddleware } from '../middleware/organisation-monitor/index.ts'
import { versionCheckMiddleware } from '../middleware/version-check/index.ts'
import { stripListenPath } from '../proxy/upstream-url.ts'
import { formatGoJson } from '../session/go-json.ts'
import { withCountedQuota } from '../session/key-quota.ts'
import type { Session } from '../session/session.ts'
import type { RequestContext } from './context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from './types.ts'

/** The steps before the answer, in Tyk's order; the certificate is asked for in addition, as everywhere. */
const ORDER: readonly MiddlewareDefinition[] = [
  ipAllowListMiddleware,
  ipDenyListMiddleware,
  certificateCheckMiddleware,
  organisationMonitorMiddleware,
  versionCheckMiddleware,
  externalOauthMiddleware,
  basicAuthMiddleware,
  httpSignatureMiddleware,
  jwtMiddleware,
  openidMiddleware,
  authTokenMiddleware,
  keyExpiredMiddleware,
  accessRightsMiddleware,
]

const PATH = '/tyk/rate-limits/'
const NO_SESSION: Answer = { kind: 'error', error: gatewayErrors.sessionMissing }

/**
 * Tells clients the limits of their key at `GET <listen path>/tyk/rate-limits/`. Null for keyless APIs.
 *
 * @param compile - The API's own steps: a second set of them would have memories of its own that nobody tells to forget.
 */
export function compileRateLimits(
  api: CompiledApi,
  deps: ChainDeps,
  compile: (step: MiddlewareDefinition) => Middleware | null,
): Middleware | null {
  if (api.definition.use_keyless) return null
  const { listenPath } = api.upstream
  const steps = ORDER.map(compile).filter((step) => step !== null)
  return (ctx) => {
    if (!ctx.path.endsWith(PATH) || ctx.method !== 'GET') return undefined
    if (stripListenPath(ctx.path, listenPath) !== PATH) return undefined
    return answerAfter(steps, ctx, deps)
  }
}

async function answerAfter(steps: readonly Middleware[], ctx: RequestContext, deps: ChainDeps): Promise<Answer> {
  for (const step of steps) {
    const answer = await step(ctx)
    if (answer !== undefined) return answer
  }
  return ctx.session === null ? NO_SESSION : tell(ctx.session, ctx.token, deps)
}

async function tell(session: Session, token: string, { redis, sessions, now }: ChainDeps): Promise<Answer> {
  // The figures in the session are copies; while Redis is away they are the best there is.
  const counted = redis.isUp
    ? await withCountedQuota(redis.main, sessions.storageKeyOf(token), session, now()).catch(() => session)
    : session
  const { quota_max, quota_remaining, quota_renews, rate, per } = counted
  const body = { quota: { quota_max, quota_remaining, quota_renews }, rate_limit: { requests: rate, per_unit: per } }
  return {
    kind: 'reply',
    status: 200,
    headers: ['Content-Type', 'application/json'],
    body: `${formatGoJson(body)}\n`,
  }
}
