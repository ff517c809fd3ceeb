import type { ConfigOf } from '../../../config/section.ts'
import type { elasticsearchOptions } from '../options.ts'
import type { Server } from '../server.ts'
import type { Ask, Outcome } from './install.ts'
import type { Notes } from './notes.ts'
import type { Resource } from './resource.ts'

export type Options = ConfigOf<typeof elasticsearchOptions>

/** What one run works with. */
export interface Job {
  readonly options: Options
  readonly server: Server
  readonly ask: Ask
  readonly notes: Notes
}

type Trouble = Extract<Outcome, { reason: string }>

export const isTrouble = (outcome: Outcome): outcome is Trouble =>
  outcome.kind === 'refused' || outcome.kind === 'unknown'

export const cureFor = ({ what, privilege }: Resource): string =>
  `give the user of the sink ${privilege}, or make ${what} by hand (docs/kibana.md), or set manage_index (…MANAGEINDEX) to false`
