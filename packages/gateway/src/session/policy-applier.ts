// Hot path.
import { applyPolicies, type Applied } from './apply.ts'
import type { PolicyStore } from './policies.ts'
import type { Session } from './session.ts'

/** Applies policies to sessions and remembers the result as long as neither of them changes. */
export interface PolicyApplier {
  /**
   * @param stored - must not be changed afterwards; a changed session is a new object.
   * @param orgId - the API's organisation.
   */
  apply(stored: Session, orgId: string): Applied
}

interface Remembered {
  readonly version: number
  readonly orgId: string
  readonly applied: Applied
}

export function createPolicyApplier(policies: PolicyStore): PolicyApplier {
  const remembered = new WeakMap<Session, Remembered>()
  return {
    apply(stored, orgId) {
      const known = remembered.get(stored)
      if (known !== undefined && known.version === policies.version && known.orgId === orgId) return known.applied
      // Policies are looked up in the key's own organisation, the API's only when the key names none.
      const keyOrg = stored.org_id === '' ? orgId : stored.org_id
      const applied = applyPolicies(stored, (id) => policies.get(keyOrg, id), orgId)
      remembered.set(stored, { version: policies.version, orgId, applied })
      return applied
    },
  }
}
