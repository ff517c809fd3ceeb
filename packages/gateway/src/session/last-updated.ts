import type { Session } from './session.ts'

/** How far ahead of the clock the time of the last change may be; further, it is none. */
const MAX_AHEAD_S = 60

/**
 * The time of a change, as a session holds it. Rates that are counted in a gateway go by the name of the key and this
 * time: two changes in one second must not share it.
 *
 * @param before - the session that is replaced; null: there is none.
 */
export function lastUpdated(nowSeconds: number, before: Session | null): string {
  const last = Number(before?.last_updated ?? 0)
  return String(last >= nowSeconds && last - nowSeconds < MAX_AHEAD_S ? last + 1 : nowSeconds)
}
