import type { Organisations } from './organisations.ts'
import type { Session } from './session.ts'

/** What the session of an organisation says about the records of its APIs. */
export interface OrganisationRecords {
  /** Seconds that records are to be kept; null: for as long as anybody likes. */
  dataAgeSeconds(): number | null
  /** Null: there is no session that could say. */
  wantsDetail(): boolean | null
}

/** For an organisation without a session, and until it is known whether there is one. */
const DEFAULT_DATA_AGE_S = 604_800

/**
 * Never waits: while Redis is asked, the answer before stays. It is asked at once for the first time, so that requests find
 * an answer.
 */
export function createOrganisationRecords(orgId: string, organisations: Organisations): OrganisationRecords {
  let last: Session | null = null
  let asking = false

  const current = (): Session | null => {
    const known = organisations.peek(orgId)
    if (known !== undefined) last = known
    else if (!asking) {
      asking = true
      void organisations.find(orgId).then((found) => {
        last = found
        asking = false
      })
    }
    return last
  }

  current()
  return {
    dataAgeSeconds() {
      const session = current()
      if (session === null) return DEFAULT_DATA_AGE_S
      const { data_expires: seconds } = session.extra
      return typeof seconds === 'number' && seconds > 0 ? seconds : null
    },
    wantsDetail: () => current()?.enable_detailed_recording ?? null,
  }
}
