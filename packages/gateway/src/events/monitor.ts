import type { GatewayConfig } from '../config/schema.ts'
import { isObject } from '../session/go-json.ts'
import type { Limit } from '../session/limit.ts'
import type { Session } from '../session/session.ts'

/** What a request has just counted, newer than the copies in the session. */
export interface CountedQuota {
  readonly scope: string
  readonly remaining: number
  /** Unix seconds. */
  readonly renews: number
}

export interface Trigger {
  readonly limit: number
  /** Per cent of the quota. */
  readonly usage: number
}

/** Tells a webhook when a quota is used to a percentage. Called for requests that were let through. */
export interface Monitor {
  /** @param key - the key itself, or the name that it is counted by; empty for an organisation. */
  check(session: Session, key: string, counted: CountedQuota | null): void
}

/** The monitors that the configuration asks for; null: none. */
export interface Monitors {
  readonly keys: Monitor | null
  readonly organisations: Monitor | null
}

export function createMonitors(
  { monitor }: Pick<GatewayConfig, 'monitor'>,
  now: () => number,
  fire: (session: Session, key: string, trigger: Trigger) => void,
): Monitors {
  const check: Monitor['check'] = (session, key, counted) => {
    const nowSeconds = Math.floor(now() / 1000)
    const trigger = findTrigger(session, counted, monitor.global_trigger_limit, nowSeconds)
    if (trigger !== null) fire(session, key, trigger)
  }
  return {
    keys: monitor.monitor_user_keys ? { check } : null,
    organisations: monitor.monitor_org_keys ? { check } : null,
  }
}

/**
 * The first limit that a quota of the session has reached: of the session's own quota, then of each API's; for each the
 * limit for all keys before those of the session, in their order.
 */
export function findTrigger(
  session: Session,
  counted: CountedQuota | null,
  globalLimit: number,
  nowSeconds: number,
): Trigger | null {
  const own = triggerLimitsOf(session).filter((limit) => limit !== globalLimit)
  const reached = (limit: Limit, scope: string): Trigger | null => {
    if (limit.quota_max <= 0) return null
    const isCounted = counted !== null && counted.scope === scope
    const renews = isCounted ? counted.renews : limit.quota_renews
    // A quota that never renews has nothing to wait for, as in Tyk.
    if (nowSeconds >= renews) return null
    const remaining = isCounted ? counted.remaining : limit.quota_remaining
    // Nothing left without a count may only mean that nothing is known; its own requests tell.
    if (!isCounted && remaining <= 0) return null
    const usage = ((limit.quota_max - remaining) / limit.quota_max) * 100
    if (globalLimit > 0 && usage >= globalLimit) return { limit: globalLimit, usage }
    const first = own.find((each) => usage >= each)
    return first === undefined ? null : { limit: first, usage }
  }
  let trigger = reached(session, '')
  for (const right of Object.values(session.access_rights)) {
    if (trigger !== null) return trigger
    if (right.limit !== null) trigger = reached(right.limit, right.allowance_scope)
  }
  return trigger
}

/** `monitor.trigger_limits` of a session: percentages. What is no number is none. */
function triggerLimitsOf({ extra }: Session): number[] {
  const { monitor } = extra
  const list = isObject(monitor) ? monitor['trigger_limits'] : null
  return Array.isArray(list) ? list.filter((limit) => typeof limit === 'number') : []
}
