import type { Log } from '../../../log/log.ts'
import type { Outcome } from './install.ts'
import type { Resource } from './resource.ts'

/** Tells what became of each thing, and once for each cause why it was not installed. */
export interface Notes {
  /** @param lost - What has no effect when it is a person's, as a sentence; null for nothing that somebody has set. */
  outcome(resource: Resource, outcome: Outcome, lost?: string | null): void
  trouble(about: string, message: string, reason: string): void
}

const LEFT: Readonly<Record<string, string>> = {
  edited: 'somebody has edited it; a start after the edit is taken back goes on with it',
  foreign:
    'it was there before and is not of a pump; a start after it is deleted, which servers refuse while it is in use, makes one of the pump',
  newer: 'a newer pump has installed it',
}

export function createNotes(log: Log): Notes {
  const told = new Map<string, string>()
  const once = (about: string, text: string, tell: () => void): void => {
    if (told.get(about) === text) return
    told.set(about, text)
    tell()
  }
  return {
    outcome({ what, afterCreate, afterUpdate }, { kind }, lost = null) {
      if (kind === 'create') log.info({ what, reason: afterCreate }, 'Elasticsearch index management: installed')
      else if (kind === 'update') {
        log.info({ what, reason: afterUpdate }, 'Elasticsearch index management: brought up to date')
      }
      const why = LEFT[kind]
      if (why === undefined) return void told.delete(what)
      once(what, why, () => {
        const message = 'Elasticsearch index management: left as it is'
        if (lost === null || kind === 'newer') log.info({ what, reason: why }, message)
        else log.warn({ what, reason: `${lost}: ${why}` }, message)
      })
    },
    trouble(about, message, reason) {
      once(about, `${message} ${reason}`, () => log.warn({ what: about, reason }, message))
    },
  }
}
