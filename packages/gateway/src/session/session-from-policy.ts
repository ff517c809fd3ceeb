import { limitOfPolicy, type Policy } from './policy.ts'
import { emptySession, type Session } from './session.ts'

/** A new session for somebody a token speaks for, with a policy as its template. */
export function sessionFromPolicy(policy: Policy, ids: string[], orgId: string, nowSeconds: number): Session {
  return {
    ...emptySession(),
    ...limitOfPolicy(policy),
    org_id: orgId,
    apply_policies: ids,
    allowance: policy.rate,
    access_rights: policy.access_rights,
    hmac_enabled: policy.hmac_enabled,
    enable_http_signature_validation: policy.enable_http_signature_validation,
    is_inactive: policy.is_inactive,
    tags: [...policy.tags],
    expires: policy.key_expires_in > 0 ? nowSeconds + policy.key_expires_in : 0,
    post_expiry_action: policy.post_expiry_action,
    post_expiry_grace_period: policy.post_expiry_grace_period,
  }
}
