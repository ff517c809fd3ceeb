import { accessRightsMiddleware } from '../middleware/access-rights/index.ts'
import { apiRateLimitMiddleware } from '../middleware/api-rate-limit/index.ts'
import { authTokenMiddleware } from '../middleware/auth-token/index.ts'
import { basicAuthMiddleware } from '../middleware/basic-auth/index.ts'
import { certificateCheckMiddleware } from '../middleware/certificate-check/index.ts'
import { corsMiddleware } from '../middleware/cors/index.ts'
import { contextVariablesMiddleware } from '../middleware/context-variables/index.ts'
import { externalOauthMiddleware } from '../middleware/external-oauth/index.ts'
import { granularAccessMiddleware } from '../middleware/granular-access/index.ts'
import { httpSignatureMiddleware } from '../middleware/http-signature/index.ts'
import { ipAllowListMiddleware } from '../middleware/ip-allow-list/index.ts'
import { ipDenyListMiddleware } from '../middleware/ip-deny-list/index.ts'
import { jwtMiddleware } from '../middleware/jwt/index.ts'
import { keyExpiredMiddleware } from '../middleware/key-expired/index.ts'
import { methodTransformMiddleware } from '../middleware/method-transform/index.ts'
import { openidMiddleware } from '../middleware/openid/index.ts'
import { organisationMonitorMiddleware } from '../middleware/organisation-monitor/index.ts'
import { rateLimitAndQuotaMiddleware } from '../middleware/rate-limit-and-quota/index.ts'
import { requestHeadersMiddleware } from '../middleware/request-headers/index.ts'
import { requestSizeLimitMiddleware } from '../middleware/request-size-limit/index.ts'
import { stripAuthMiddleware } from '../middleware/strip-auth/index.ts'
import { trackEndpointMiddleware } from '../middleware/track-endpoint/index.ts'
import { urlRewriteMiddleware } from '../middleware/url-rewrite/index.ts'
import { validateJsonMiddleware } from '../middleware/validate-json/index.ts'
import { versionCheckMiddleware } from '../middleware/version-check/index.ts'
import { versionHeaderMiddleware } from '../middleware/version-header/index.ts'
import type { MiddlewareDefinition } from './types.ts'

/** Every step of the request chain, in Tyk's order. A step that is off for an API is not in its chain. */
export const CHAIN_ORDER: readonly MiddlewareDefinition[] = [
  versionCheckMiddleware,
  corsMiddleware,
  ipAllowListMiddleware,
  ipDenyListMiddleware,
  certificateCheckMiddleware,
  organisationMonitorMiddleware,
  requestSizeLimitMiddleware,
  contextVariablesMiddleware,
  trackEndpointMiddleware,
  externalOauthMiddleware,
  basicAuthMiddleware,
  httpSignatureMiddleware,
  jwtMiddleware,
  openidMiddleware,
  authTokenMiddleware,
  stripAuthMiddleware,
  keyExpiredMiddleware,
  accessRightsMiddleware,
  granularAccessMiddleware,
  rateLimitAndQuotaMiddleware,
  apiRateLimitMiddleware,
  validateJsonMiddleware,
  requestHeadersMiddleware,
  urlRewriteMiddleware,
  methodTransformMiddleware,
  versionHeaderMiddleware,
]
