import type { Log } from '../log/log.ts'
import { PeerGoneError } from './errors.ts'
import type { Notice } from './part.ts'
import type { Member, Roster } from './roster.ts'

/** A worker that is held up must not hold up the control API for long. */
const DEADLINE_MS = 2000

export interface Notices {
  /** Tells every worker what another gateway has changed. */
  announce(notice: Notice): void
  /** Resolves when every worker but one has taken notice. */
  share(notice: Notice, except: Member | undefined): Promise<void>
}

export function createNotices(roster: Roster, log: Log): Notices {
  let keys = new Set<string>()

  const tellKeys = (): void => {
    const notice: Notice = { kind: 'sessions-changed', keys: [...keys] }
    keys = new Set()
    for (const { peer } of roster.members) peer.tell('notice', notice)
  }

  return {
    announce(notice) {
      if (notice.kind !== 'sessions-changed') {
        for (const { peer } of roster.members) peer.tell('notice', notice)
        return
      }
      // Counted quotas are written back to sessions many times a second, and each write is announced.
      if (keys.size === 0) setImmediate(tellKeys)
      for (const key of notice.keys) keys.add(key)
    },
    async share(notice, except) {
      const others = roster.members.filter((member) => member.serves && member !== except)
      const answers = await Promise.allSettled(others.map(({ peer }) => peer.ask('notice', notice, DEADLINE_MS)))
      for (const answer of answers) {
        if (answer.status === 'fulfilled' || answer.reason instanceof PeerGoneError) continue
        log.error({ err: answer.reason, notice: notice.kind }, 'A worker process has not taken notice of a change')
      }
    },
  }
}
