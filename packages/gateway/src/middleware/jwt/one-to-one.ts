// Hot path.
import { createSecretKey, type KeyObject } from 'node:crypto'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { BoundedMap } from '../../auth/bounded-map.ts'
import type { ChainDeps } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { createPolicyApplier } from '../../session/policy-applier.ts'
import type { StoredSession } from '../../session/store.ts'
import { keyFromBytes, type SigningMethod } from './algorithms.ts'
import type { SessionResult } from './centralised.ts'
import { identityOf } from './identity.ts'
import type { FoundKey } from './key-source.ts'
import type { Claims } from './token.ts'
import type { VerifiedToken } from './verified-token.ts'

/** Tokens that belong to keys: each key holds the secret that its tokens are verified with. */
export interface OneToOneSessions {
  find(token: { readonly header: Claims; readonly claims: Claims }): FoundKey | null | Promise<FoundKey | null>
  /** Looks the key up again; a token is refused once its key has another secret. */
  sessionFor(token: VerifiedToken): SessionResult | Promise<SessionResult>
}

const MAX_SECRETS = 8192
const REFUSED: SessionResult = { session: null, error: gatewayErrors.jwtNotAuthorized }

export function createOneToOneSessions(api: CompiledApi, method: SigningMethod, deps: ChainDeps): OneToOneSessions {
  const { definition, orgId } = api
  const policies = createPolicyApplier(deps.policies)
  const keys = new BoundedMap<string, KeyObject>(MAX_SECRETS)

  /** The JOSE header's `kid`, else the identity claim; null when the token names no key. */
  function keyNameOf({ header, claims }: { readonly header: Claims; readonly claims: Claims }): string | null {
    if (!definition.jwt_skip_kid && typeof header['kid'] === 'string') return header['kid']
    const identity = identityOf(claims, definition.jwt_identity_base_field)
    return 'error' in identity ? null : identity.id
  }

  function keyOf(found: StoredSession | null): FoundKey | null {
    const secret = found?.session.jwt_data?.secret
    if (found === null || secret === undefined || policies.apply(found.session, orgId).session === null) return null
    let key = keys.get(secret)
    if (key === undefined) {
      const bytes = Buffer.from(secret, 'utf8')
      const made = method === 'hmac' ? createSecretKey(bytes) : keyFromBytes(method, bytes)
      if (made === null) return null
      key = made
      keys.set(secret, key)
    }
    return { key, material: secret }
  }

  function accept(token: VerifiedToken, found: StoredSession | null): SessionResult {
    if (found === null || found.session.jwt_data?.secret !== token.material) return REFUSED
    const { session } = policies.apply(found.session, orgId)
    return session === null ? REFUSED : { session, token: found.token, error: null }
  }

  return {
    find(token) {
      const name = keyNameOf(token)
      if (name === null) return null
      const known = deps.sessions.peek(name, orgId)
      return known === undefined ? deps.sessions.find(name, orgId).then(keyOf) : keyOf(known)
    },
    sessionFor(token) {
      const name = keyNameOf(token) ?? ''
      const known = deps.sessions.peek(name, orgId)
      if (known !== undefined) return accept(token, known)
      return deps.sessions.find(name, orgId).then((found) => accept(token, found))
    },
  }
}
