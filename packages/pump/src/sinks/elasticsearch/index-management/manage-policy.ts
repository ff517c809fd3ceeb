import { isAtLeast, type Server } from '../server.ts'
import { install, type Outcome } from './install.ts'
import { cureFor, isTrouble, type Job } from './job.ts'
import type { Mark } from './mark.ts'
import type { Resource } from './resource.ts'

export interface Policy {
  /** For settings; null where they name none. */
  readonly name: string | null
  /** To be kept in a template; OpenSearch's policies have a place for it. */
  readonly mark: Mark | null
  /** Indices should follow it. */
  readonly wanted: boolean
  readonly complete: boolean
}

interface Terms {
  readonly name: string
  /** There is something for it to do. */
  readonly wanted: boolean
  /** What has no effect in a person's, as a sentence; null where nobody has set it. */
  readonly lost: string | null
  /** What is said where it cannot be made, and what to do on servers without policies. */
  readonly missing: string
  readonly otherMeans: string
}

/** Brings the policy into its form, where there are policies. A refusal is told, and keeps no record. */
export async function managePolicy({ server, ask, notes }: Job, policy: Resource, terms: Terms): Promise<Policy> {
  const onOpenSearch = server.distribution === 'opensearch'
  const mark = onOpenSearch ? null : policy.mark
  const outcome = hasPolicies(server) ? await install(policy, ask) : tooOld(server)
  const wanted = terms.wanted && outcome.kind !== 'unknown'
  // Settings may name a policy that somebody makes later; OpenSearch's policies name the indices instead.
  const name = wanted && !onOpenSearch ? terms.name : null
  if (!isTrouble(outcome)) {
    notes.outcome(policy, outcome, terms.lost)
    return { name, mark, wanted, complete: true }
  }
  const { kind, reason } = outcome
  if (terms.wanted) {
    const cure =
      kind === 'unknown'
        ? `this server has no such policies (${reason}); ${terms.otherMeans}`
        : `${reason}; ${cureFor(policy)}`
    notes.trouble(policy.what, terms.missing, cure)
  }
  return { name, mark, wanted, complete: kind === 'unknown' || !terms.wanted }
}

/** Before it, a path like theirs is that of a document, and what is answered is about that. */
const hasPolicies = (server: Server): boolean => server.distribution === 'opensearch' || isAtLeast(server, 6, 6)

const tooOld = ({ version }: Server): Outcome => ({
  kind: 'unknown',
  reason: `it is version ${version ?? ''}, and they came with 6.6`,
})
