import type { ApiDefinition } from '../../api-definition/schema.ts'
import { claim, claimOrNested, nestedClaim, type Claims } from '../../auth/tokens/token.ts'

/** How a definition chooses policies for a token. */
export interface PolicyRules {
  readonly policyField: string
  readonly clientField: string
  readonly defaultPolicies: readonly string[]
  readonly scopeClaim: string
  /** Empty: scopes are not looked at. */
  readonly scopeToPolicy: Readonly<Record<string, string>>
  readonly mapsClientIds: boolean
}

export function compilePolicyRules(definition: ApiDefinition): PolicyRules {
  const { jwt, oidc } = definition.scopes
  // The older pair of keys counts only where the current object says nothing at all.
  const current = [jwt, oidc].some((m) => m.scope_claim_name !== '' || Object.keys(m.scope_to_policy).length > 0)
  const claimName = current ? jwt.scope_claim_name : definition.jwt_scope_claim_name
  return {
    policyField: definition.jwt_policy_field_name,
    clientField: definition.jwt_client_base_field,
    defaultPolicies: definition.jwt_default_policies,
    scopeClaim: claimName === '' ? 'scope' : claimName,
    scopeToPolicy: current ? jwt.scope_to_policy : definition.jwt_scope_to_policy_mapping,
    mapsClientIds: !definition.idp_client_id_mapping_disabled,
  }
}

/** The policy a token names itself; empty when it names none. */
export function namedPolicy(claims: Claims, rules: PolicyRules): string {
  const value = rules.policyField === '' ? undefined : claimOrNested(claims, rules.policyField)
  return typeof value === 'string' ? value : ''
}

/** The key whose first policy the token borrows; empty when it names none or the policy claim goes before. */
export function clientKey(claims: Claims, rules: PolicyRules): string {
  const value = rules.policyField === '' && rules.clientField !== '' ? claim(claims, rules.clientField) : undefined
  return typeof value === 'string' ? value : ''
}

/** Scopes of a token; null when it has none or they are not looked at. */
export function scopesOf(claims: Claims, rules: PolicyRules): readonly string[] | null {
  if (Object.keys(rules.scopeToPolicy).length === 0) return null
  const value = nestedClaim(claims, rules.scopeClaim)
  if (typeof value === 'string') return value.split(' ')
  if (!Array.isArray(value)) return null
  const scopes = (value.flat(Infinity) as unknown[]).filter((scope) => typeof scope === 'string')
  return scopes.length === 0 ? null : scopes
}

/** Id of the client that asked for the token; empty when it names none or only something that is no text. */
export function clientIdOf(claims: Claims, rules: PolicyRules): string {
  if (!rules.mapsClientIds) return ''
  const name = ['clientId', 'cid', 'client_id'].find((candidate) => claim(claims, candidate) !== undefined)
  const value = name === undefined ? undefined : claim(claims, name)
  return typeof value === 'string' ? value : ''
}
