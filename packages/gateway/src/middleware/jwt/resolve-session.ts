import { errorRow, gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { emptyAccessRights } from '../../session/access-rights.ts'
import { applyPolicies, type Applied } from '../../session/apply.ts'
import type { PolicyStore } from '../../session/policies.ts'
import { sessionFromPolicy } from '../../session/session-from-policy.ts'
import { copySession, emptySession, policyIdsOf, type Session } from '../../session/session.ts'
import type { OauthClient } from './oauth-client.ts'
import type { PolicyRules } from './policy-claims.ts'

/** What a verified token says about its session. */
export interface TokenFacts {
  readonly sessionToken: string
  readonly identity: string
  /** The policy that the token, or the client behind it, names; empty for none. */
  readonly namedPolicy: string
  /** Null: none, or not looked at. */
  readonly scopes: readonly string[] | null
  /** Unix seconds of a numeric `exp`, else 0. */
  readonly expires: number
  readonly clientId: string
  readonly client: OauthClient | null
}

export type Resolved =
  | { readonly session: Session; readonly changed: boolean; readonly error: null }
  | { readonly session: null; readonly error: ErrorRow }

export interface ResolveDeps {
  readonly policies: PolicyStore
  readonly orgId: string
  readonly rules: PolicyRules
  readonly nowSeconds: number
}

/**
 * The session of an identity for one of its tokens: made from a policy when there is none, else brought in line with
 * what this token names. Works on copies; `changed` says that the result should be stored.
 *
 * @param stored - as it was stored, before policies.
 */
export function resolveSession(stored: Session | null, facts: TokenFacts, deps: ResolveDeps): Resolved {
  const applied = stored === null ? null : apply(stored, deps)
  // A session whose policies can no longer be applied counts as not there.
  const before = applied?.session ?? null
  const base = before === null ? createSession(facts, deps) : updateSession(before, facts, deps)
  if (base.error !== null) return base
  const scoped = applyScopes(base.session, before !== null, facts, deps)
  if (scoped.error !== null) return scoped
  const missing = missingPolicy(scoped.session, before !== null, facts, deps)
  if (missing !== null) return refused(missing)
  const mapped = mapClient(scoped.session, facts, deps)
  if (mapped.error !== null) return mapped
  const changed = before === null || stored === null || differs(stored, mapped.session)
  return { session: mapped.session, changed, error: null }
}

type Step = { readonly session: Session; readonly error: null } | { readonly session: null; readonly error: ErrorRow }

const refused = (error: ErrorRow): { readonly session: null; readonly error: ErrorRow } => ({ session: null, error })
const passed = (session: Session): Step => ({ session, error: null })

function apply(session: Session, { policies, orgId }: ResolveDeps): Applied {
  const keyOrg = session.org_id === '' ? orgId : session.org_id
  return applyPolicies(session, (id) => policies.get(keyOrg, id), orgId)
}

/** The policy in force for a token: named, else the first default one. */
function basePolicy(facts: TokenFacts, { rules }: ResolveDeps): { readonly id: string; readonly isDefault: boolean } {
  if (facts.namedPolicy !== '') return { id: facts.namedPolicy, isDefault: false }
  return { id: rules.defaultPolicies[0] ?? '', isDefault: rules.defaultPolicies.length > 0 }
}

function createSession(facts: TokenFacts, deps: ResolveDeps): Step {
  const base = basePolicy(facts, deps)
  let session: Session = { ...emptySession(), org_id: deps.orgId }
  if (base.id !== '') {
    const policy = deps.policies.get(deps.orgId, base.id)
    if (policy === undefined) return refused(gatewayErrors.jwtNoMatchingPolicy)
    const ids = base.isDefault ? [...deps.rules.defaultPolicies] : [base.id]
    const applied = apply(sessionFromPolicy(policy, ids, deps.orgId, deps.nowSeconds), deps)
    if (applied.session === null) return refused(errorRow(500, `failed to create key: ${applied.failure}`))
    session = applied.session
  }
  if (facts.expires > session.expires) session.expires = facts.expires
  // Tyk drops the policies' metadata here, so that an identity's first request lacks it.
  session.meta_data = { ...session.meta_data, TykJWTSessionID: facts.sessionToken }
  session.alias = facts.identity
  return passed(session)
}

function updateSession(before: Session, facts: TokenFacts, deps: ResolveDeps): Step {
  const base = basePolicy(facts, deps)
  let session = before
  if (base.id !== '') {
    if (deps.policies.get(deps.orgId, base.id) === undefined) return refused(gatewayErrors.jwtNoMatchingPolicy)
    const ids = policyIdsOf(session)
    if (ids.length === 0) return refused(gatewayErrors.jwtNoMatchingPolicyFound)
    const wanted = base.isDefault ? deps.rules.defaultPolicies : [base.id]
    // Where scopes choose policies, what stands beside the named one came from another token's scopes.
    const exact = base.isDefault || Object.keys(deps.rules.scopeToPolicy).length > 0
    const fits = exact ? sameSet(wanted, ids) : ids.includes(base.id)
    if (!fits) {
      const switched = withPolicies(session, wanted, deps)
      if (switched === null) return refused(gatewayErrors.jwtCannotApplyPolicy)
      session = switched
    }
  }
  if (facts.expires <= session.expires) return passed(session)
  return passed({ ...session, expires: facts.expires })
}

/**
 * Rights that earlier policies gave are dropped first. Tyk keeps them where the new policies define none, so that a token
 * goes on opening what its policy no longer allows.
 */
function withPolicies(session: Session, ids: readonly string[], deps: ResolveDeps): Session | null {
  const access_rights = emptyAccessRights()
  return apply({ ...session, access_rights, apply_policies: [...ids], apply_policy_id: '' }, deps).session
}

function applyScopes(session: Session, existed: boolean, facts: TokenFacts, deps: ResolveDeps): Step {
  const { scopeToPolicy } = deps.rules
  if (Object.keys(scopeToPolicy).length === 0) return passed(session)
  if (facts.scopes === null) {
    const open = existed && basePolicy(facts, deps).id === ''
    return open ? refused(gatewayErrors.jwtNoScopeOrPolicy) : passed(session)
  }
  const mapped = facts.scopes.flatMap((scope) =>
    Object.hasOwn(scopeToPolicy, scope) ? [scopeToPolicy[scope] as string] : [],
  )
  // A default policy gives way to scopes; one that the token names stays beside them.
  const ids = new Set(facts.namedPolicy === '' ? mapped : [facts.namedPolicy, ...mapped])
  if (ids.size === 0) return refused(gatewayErrors.jwtNoScopePolicy)
  const switched = withPolicies(session, [...ids], deps)
  return switched === null ? refused(gatewayErrors.jwtCannotApplySeveral) : passed(switched)
}

/** Without any policy a token opens nothing. */
function missingPolicy(session: Session, existed: boolean, facts: TokenFacts, deps: ResolveDeps): ErrorRow | null {
  if (basePolicy(facts, deps).id !== '') return null
  const usesScopes = Object.keys(deps.rules.scopeToPolicy).length > 0
  const open = policyIdsOf(session).length === 0 || (existed && !usesScopes)
  return open ? gatewayErrors.jwtNoMatchingPolicyFound : null
}

/** Takes over what is registered for the client that asked for the token. */
function mapClient(session: Session, facts: TokenFacts, deps: ResolveDeps): Step {
  const { client, clientId } = facts
  if (client === null) {
    return passed(session.oauth_client_id === clientId ? session : { ...session, oauth_client_id: clientId })
  }
  const mapped = copySession(session)
  mapped.oauth_client_id = clientId
  mapped.meta_data = { ...mapped.meta_data, ...client.metadata }
  mapped.tags = [...new Set([...mapped.tags, ...client.tags])]
  const applied = apply(mapped, deps)
  if (applied.session !== null) return passed(applied.session)
  return refused(errorRow(500, `failed to apply policies in session metadata: ${applied.failure}`))
}

const differs = (stored: Session, session: Session): boolean =>
  !sameSet(policyIdsOf(stored), policyIdsOf(session)) ||
  stored.expires !== session.expires ||
  stored.oauth_client_id !== session.oauth_client_id

const sameSet = (one: readonly string[], other: readonly string[]): boolean => {
  const [a, b] = [new Set(one), new Set(other)]
  return a.size === b.size && one.every((id) => b.has(id))
}
