import { accessRightsMiddleware } from '../middleware/access-rights/index.ts'
import { authTokenMiddleware } from '../middleware/auth-token/index.ts'
import { contextVariablesMiddleware } from '../middleware/context-variables/index.ts'
import { granularAccessMiddleware } from '../middleware/granular-access/index.ts'
import { jwtMiddleware } from '../middleware/jwt/index.ts'
import { keyExpiredMiddleware } from '../middleware/key-expired/index.ts'
import { rateLimitAndQuotaMiddleware } from '../middleware/rate-limit-and-quota/index.ts'
import { requestHeadersMiddleware } from '../middleware/request-headers/index.ts'
import { stripAuthMiddleware } from '../middleware/strip-auth/index.ts'
import { versionCheckMiddleware } from '../middleware/version-check/index.ts'
import type { MiddlewareDefinition } from './types.ts'

/** Every step of the request chain, in Tyk's order. A step that is off for an API is not in its chain. */
export const CHAIN_ORDER: readonly MiddlewareDefinition[] = [
  versionCheckMiddleware,
  contextVariablesMiddleware,
  jwtMiddleware,
  authTokenMiddleware,
  stripAuthMiddleware,
  keyExpiredMiddleware,
  accessRightsMiddleware,
  granularAccessMiddleware,
  rateLimitAndQuotaMiddleware,
  requestHeadersMiddleware,
]
