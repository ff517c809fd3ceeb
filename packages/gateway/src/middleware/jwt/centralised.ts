// Hot path.
import { createHash } from 'node:crypto'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { generateKey } from '../../auth/key-format.ts'
import type { ChainDeps } from '../../chain/types.ts'
import type { ErrorRow } from '../../errors/catalogue.ts'
import { sessionTtlSeconds } from '../../session/lifetime.ts'
import { policyIdsOf, type Session } from '../../session/session.ts'
import type { StoredSession } from '../../session/store.ts'
import { identityOf } from '../../auth/tokens/identity.ts'
import { readOauthClient } from './oauth-client.ts'
import { clientIdOf, clientKey, compilePolicyRules, namedPolicy, scopesOf } from './policy-claims.ts'
import { resolveSession, type TokenFacts } from './resolve-session.ts'
import type { VerifiedToken } from '../../auth/tokens/verified-token.ts'

/** A session ready for the request and the key it is stored under, or the error that refuses the token. */
export type SessionResult =
  | { readonly session: Session; readonly token: string; readonly error: null }
  | { readonly session: null; readonly error: ErrorRow }

/** Finds or makes the session of a token's identity. */
export interface CentralisedSessions {
  sessionFor(token: VerifiedToken): SessionResult | Promise<SessionResult>
}

/** What was worked out for a token, good while neither the stored session nor the policies change. */
interface Known {
  readonly stored: Session
  readonly policyVersion: number
  readonly result: SessionResult
}

export function createCentralisedSessions(api: CompiledApi, deps: ChainDeps): CentralisedSessions {
  const { definition, apiId, orgId } = api
  const { sessions, policies, config } = deps
  const rules = compilePolicyRules(definition)
  const tokensOf = new WeakMap<VerifiedToken, string>()
  const known = new WeakMap<VerifiedToken, Known>()

  /** Whole key of the session that every token of an identity shares. */
  function sessionToken(identity: string): string {
    return generateKey(orgId, createHash('md5').update(identity, 'utf8').digest('hex'), config.hash_key_function)
  }

  async function look(token: VerifiedToken, key: string, identity: string): Promise<SessionResult> {
    const stored = sessions.peek(key, orgId) ?? (await sessions.find(key, orgId))
    const clientId = clientIdOf(token.claims, rules)
    const client = await readOauthClient(deps.redis, apiId, clientId)
    const borrowed = await borrowedPolicy(token)
    return settle(token, stored, {
      sessionToken: key,
      identity,
      namedPolicy: borrowed === '' ? namedPolicy(token.claims, rules) : borrowed,
      scopes: scopesOf(token.claims, rules),
      expires: token.expires,
      clientId,
      client,
    })
  }

  async function borrowedPolicy(token: VerifiedToken): Promise<string> {
    const key = clientKey(token.claims, rules)
    if (key === '') return ''
    const found = await sessions.find(key, orgId)
    return found === null ? '' : (policyIdsOf(found.session)[0] ?? '')
  }

  function settle(token: VerifiedToken, stored: StoredSession | null, facts: TokenFacts): SessionResult {
    const nowSeconds = Math.floor(deps.now() / 1000)
    const resolved = resolveSession(stored?.session ?? null, facts, { policies, orgId, rules, nowSeconds })
    if (resolved.error !== null) return resolved
    const { session, changed } = resolved
    const key = stored?.token ?? facts.sessionToken
    const result: SessionResult = { session, token: key, error: null }
    if (changed) {
      const ttlSeconds = sessionTtlSeconds(session, definition, config, nowSeconds)
      sessions.save(key, orgId, session, { ttlSeconds, wasStored: stored !== null })
    }
    const basis = changed ? session : stored?.session
    if (basis !== undefined) known.set(token, { stored: basis, policyVersion: policies.version, result })
    return result
  }

  return {
    sessionFor(token) {
      let key = tokensOf.get(token)
      if (key !== undefined) {
        const before = known.get(token)
        const stored = before === undefined ? undefined : sessions.peek(key, orgId)
        if (before !== undefined && before.stored === stored?.session && before.policyVersion === policies.version) {
          return before.result
        }
      }
      const identity = identityOf(token.claims, definition.jwt_identity_base_field)
      if ('error' in identity) return { session: null, error: identity.error }
      key ??= sessionToken(identity.id)
      tokensOf.set(token, key)
      return look(token, key, identity.id)
    },
  }
}
