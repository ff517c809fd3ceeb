import type { ApiDefinition } from '../api-definition/schema.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Session } from './session.ts'

type LifetimeConfig = Pick<
  GatewayConfig,
  'force_global_session_lifetime' | 'global_session_lifetime' | 'session_lifetime_respects_key_expiration'
>
type ApiLifetime = Pick<ApiDefinition, 'session_lifetime' | 'session_lifetime_respects_key_expiration'>

/**
 * Seconds a session lives in Redis; 0 or less: it does not expire there.
 *
 * @param api - null when no loaded API has an opinion.
 */
export function sessionTtlSeconds(
  session: Session,
  api: ApiLifetime | null,
  config: LifetimeConfig,
  nowSeconds: number,
): number {
  if (config.force_global_session_lifetime) return config.global_session_lifetime
  const afterExpiry = postExpiryTtl(session, nowSeconds)
  if (afterExpiry !== null) return afterExpiry
  const lifetime = session.session_lifetime > 0 ? session.session_lifetime : (api?.session_lifetime ?? 0)
  if (lifetime <= 0) return 0
  const respectsExpiry =
    config.session_lifetime_respects_key_expiration || (api?.session_lifetime_respects_key_expiration ?? false)
  if (!respectsExpiry) return lifetime
  if (session.expires <= 0) return session.expires
  return Math.max(lifetime, session.expires - nowSeconds)
}

/** The rule of the session itself for the time after its expiry; null when it has none. */
function postExpiryTtl(session: Session, nowSeconds: number): number | null {
  const { post_expiry_action: action, post_expiry_grace_period: grace, expires } = session
  const deletes = action === 'delete'
  if (!deletes && !(action === 'retain' && grace !== 0)) return null
  if (expires <= 0) return 0
  if (deletes) return Math.max(1, expires - nowSeconds)
  return grace < 0 ? -1 : Math.max(1, expires - nowSeconds + grace)
}

/** The lifetime of a key that several APIs share: the longest, and for ever when one of them says so. */
export function longestTtlSeconds(
  session: Session,
  apis: readonly ApiLifetime[],
  config: LifetimeConfig,
  nowSeconds: number,
): number {
  const lifetimes = apis.map((api) => sessionTtlSeconds(session, api, config, nowSeconds))
  if (lifetimes.length === 0) return sessionTtlSeconds(session, null, config, nowSeconds)
  return lifetimes.includes(-1) ? -1 : Math.max(...lifetimes)
}
