// Hot path.
import { createSecretKey, type KeyObject } from 'node:crypto'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { BoundedMap } from '../../auth/bounded-map.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import { decodeBase64 } from '../../auth/key-format.ts'
import type { ChainDeps } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { createPolicyApplier } from '../../session/policy-applier.ts'
import type { StoredSession } from '../../session/store.ts'
import { isNoSecret, keyFromBytes, type SigningMethod } from '../../auth/tokens/algorithms.ts'
import type { SessionResult } from './centralised.ts'
import { identityOf } from '../../auth/tokens/identity.ts'
import type { FoundKey } from '../../auth/tokens/key-source.ts'
import type { Claims } from '../../auth/tokens/token.ts'
import type { VerifiedToken } from '../../auth/tokens/verified-token.ts'

/** Tokens that belong to keys: each key holds the secret that its tokens are verified with. */
export interface OneToOneSessions {
  find(token: { readonly header: Claims; readonly claims: Claims }): FoundKey | null | Promise<FoundKey | null>
  /** Looks the key up again; a token is refused once its key has another secret. */
  sessionFor(token: VerifiedToken): SessionResult | Promise<SessionResult>
}

const MAX_SECRETS = 8192
const REFUSED: SessionResult = { session: null, error: gatewayErrors.jwtNotAuthorized }

export function createOneToOneSessions(api: CompiledApi, method: SigningMethod, deps: ChainDeps): OneToOneSessions {
  const { definition, apiId, orgId } = api
  const problems = createCountedLog(deps.log, 'error', deps.now)
  const policies = createPolicyApplier(deps.policies)
  const keys = new BoundedMap<string, KeyObject>(MAX_SECRETS)

  const unusable = (found: StoredSession): null => {
    problems.note('JWT secret of a key cannot be used', () => ({
      api_id: apiId,
      key: keyForLog(found.token, deps.config.enable_key_logging),
      reason: `not usable as a key for ${method}`,
    }))
    return null
  }

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
      const made = method === 'hmac' ? secretKey(secret, bytes) : keyFromBytes(method, bytes)
      if (made === null) return unusable(found)
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

/** Null for a public key, as it is or in base64: a mistaken signing method would make a secret of it. */
function secretKey(secret: string, bytes: Buffer): KeyObject | null {
  const decoded = decodeBase64(secret)
  if (isNoSecret(bytes) || (decoded !== null && isNoSecret(decoded))) return null
  return createSecretKey(bytes)
}
