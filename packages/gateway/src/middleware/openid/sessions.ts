// Hot path.
import { createHash } from 'node:crypto'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { generateKey } from '../../auth/key-format.ts'
import type { ChainDeps } from '../../chain/types.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { emptyAccessRights } from '../../session/access-rights.ts'
import { applyPolicies } from '../../session/apply.ts'
import { sessionTtlSeconds } from '../../session/lifetime.ts'
import { sessionFromPolicy } from '../../session/session-from-policy.ts'
import { emptySession, policyIdsOf, type Session } from '../../session/session.ts'
import type { StoredSession } from '../../session/store.ts'
import type { TokenClient } from './providers.ts'

/** What a token says about its session. */
export interface Subject {
  readonly user: string
  readonly client: TokenClient
  /** Policies that the token's scopes stand for; null: scopes are not looked at. */
  readonly scopePolicies: readonly string[] | null
}

export type SubjectSession =
  | { readonly session: Session; readonly token: string; readonly error: null }
  | { readonly session: null; readonly error: ErrorRow }

/** Finds or makes the session that all tokens of a user share, or all of a user and a client. */
export interface SubjectSessions {
  sessionFor(subject: Subject): SubjectSession | Promise<SubjectSession>
}

const md5 = (text: string): string => createHash('md5').update(text, 'utf8').digest('hex')
const refused = (error: ErrorRow): SubjectSession => ({ session: null, error })

/** What was worked out for a subject, good while neither the stored session nor the policies change. */
interface Known {
  readonly stored: Session
  readonly policyVersion: number
  readonly result: SubjectSession
}

export function createSubjectSessions({ definition, orgId }: CompiledApi, deps: ChainDeps): SubjectSessions {
  const { sessions, policies, config } = deps
  const known = new WeakMap<Subject, Known>()
  const keys = new WeakMap<Subject, string>()

  function keyOf(subject: Subject): string {
    let key = keys.get(subject)
    if (key === undefined) {
      const id = (definition.openid_options.segregate_by_client ? md5(subject.client.clientId) : '') + md5(subject.user)
      key = generateKey(orgId, id, config.hash_key_function)
      keys.set(subject, key)
    }
    return key
  }

  /** The session as it was, or a new one; its policies are those the token asks for. */
  function settle(subject: Subject, stored: StoredSession | null, key: string): SubjectSession {
    const { client, scopePolicies } = subject
    const wanted = scopePolicies ?? (client.policyId === '' ? [] : [client.policyId])
    const template = wanted.map((id) => policies.get(orgId, id)).find((policy) => policy !== undefined)
    // Without policies a session would have no access rights, and open everything.
    if (template === undefined) return refused(gatewayErrors.openidNoMatchingPolicy)
    const nowSeconds = Math.floor(deps.now() / 1000)
    const base =
      stored?.session ??
      newSession(
        subject,
        key,
        scopePolicies === null
          ? sessionFromPolicy(template, [], orgId, nowSeconds)
          : { ...emptySession(), org_id: orgId },
      )
    // Rights that earlier policies gave are dropped first: the new ones may not define any.
    const asked = { ...base, access_rights: emptyAccessRights(), apply_policies: [...wanted], apply_policy_id: '' }
    const keyOrg = asked.org_id === '' ? orgId : asked.org_id
    const applied = applyPolicies(asked, (id) => policies.get(keyOrg, id), orgId)
    if (applied.session === null) return refused(gatewayErrors.openidCannotApplyPolicy)
    const { session } = applied
    const token = stored?.token ?? key
    const changed = stored === null || !sameList(policyIdsOf(stored.session), wanted)
    if (changed) {
      const ttlSeconds = sessionTtlSeconds(session, definition, config, nowSeconds)
      sessions.save(token, orgId, session, { ttlSeconds, wasStored: stored !== null })
    }
    const result: SubjectSession = { session, token, error: null }
    const basis = changed ? session : stored.session
    known.set(subject, { stored: basis, policyVersion: policies.version, result })
    return result
  }

  return {
    sessionFor(subject) {
      const key = keyOf(subject)
      const stored = sessions.peek(key, orgId)
      if (stored === undefined) return sessions.find(key, orgId).then((found) => settle(subject, found, key))
      const before = known.get(subject)
      if (before !== undefined && before.stored === stored.session && before.policyVersion === policies.version) {
        return before.result
      }
      return settle(subject, stored, key)
    },
  }
}

const newSession = ({ user, client }: Subject, key: string, template: Session): Session => ({
  ...template,
  meta_data: { TykJWTSessionID: key, ClientID: client.clientId },
  alias: `${client.clientId}:${user}`,
})

const sameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((id, i) => id === other[i])
