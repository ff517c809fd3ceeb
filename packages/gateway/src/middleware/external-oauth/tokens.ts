// Hot path.
import type { ApiDefinition } from '../../api-definition/schema.ts'
import { BoundedMap } from '../../auth/bounded-map.ts'
import { verifySignature, type SigningMethod } from '../../auth/tokens/algorithms.ts'
import { identityOf } from '../../auth/tokens/identity.ts'
import { createKeySource } from '../../auth/tokens/key-source.ts'
import { timeFailure, type TimeSkews } from '../../auth/tokens/time-claims.ts'
import { parseToken } from '../../auth/tokens/token.ts'
import { verifiedToken, type VerifiedToken } from '../../auth/tokens/verified-token.ts'
import { UnusableAuthError } from '../../auth/unusable-auth-error.ts'
import type { ChainDeps } from '../../chain/types.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'

type TokenOptions = ApiDefinition['external_oauth']['providers'][number]['jwt']

/** Whose token it is, or the error that refuses it. */
export type Verdict = { readonly identity: string } | { readonly error: ErrorRow }

export type TokenCheck = (text: string) => Verdict | Promise<Verdict>

const MAX_REMEMBERED = 8192
const INVALID: Verdict = { error: gatewayErrors.oauthTokenInvalid }

/** The wording differs from that of the other tokens. */
const TIME_ERRORS: ReadonlyMap<ErrorRow, Verdict> = new Map([
  [gatewayErrors.jwtExpired, { error: gatewayErrors.oauthTokenExpired }],
  [gatewayErrors.jwtUsedBeforeIssued, { error: gatewayErrors.oauthTokenBeforeIssued }],
  [gatewayErrors.jwtNotYetValid, { error: gatewayErrors.oauthTokenNotYetValid }],
])

interface Known {
  readonly token: VerifiedToken
  readonly identity: string
}

/**
 * Checks access tokens that are JSON web tokens, without asking their issuer.
 *
 * @throws UnusableAuthError when the definition names no key or no signing method.
 */
export function createTokenCheck(options: TokenOptions, apiId: string, deps: ChainDeps): TokenCheck {
  const method = methodOf(options.signing_method)
  const name = 'external_oauth.providers[0].jwt.source'
  const settings = { apiId, user: 'externalOAuth', name, source: options.source, uris: [] } as const
  const keys = createKeySource(settings, method, deps)
  if (keys === null) throw new UnusableAuthError(`${name} is empty`)
  const skews: TimeSkews = {
    exp: options.expires_at_validation_skew,
    iat: options.issued_at_validation_skew,
    nbf: options.not_before_validation_skew,
  }
  const remembered = new BoundedMap<string, Known>(MAX_REMEMBERED)

  const judge = ({ token, identity }: Known): Verdict => {
    const late = timeFailure(token.times, skews, Math.floor(deps.now() / 1000))
    return late === null ? { identity } : (TIME_ERRORS.get(late) ?? INVALID)
  }

  const verify = async (text: string): Promise<Verdict> => {
    const parsed = parseToken(text, method)
    if (typeof parsed === 'string') return INVALID
    const found = await keys.find(parsed)
    if (found === null || !(await verifySignature(text, parsed.alg, found.key))) return INVALID
    const identity = identityOf(parsed.claims, options.identity_base_field)
    if ('error' in identity) return INVALID
    const known: Known = { token: verifiedToken(parsed, found.material), identity: identity.id }
    remembered.set(text, known)
    return judge(known)
  }

  return (text) => {
    const known = remembered.get(text)
    return known !== undefined && keys.isCurrent(known.token.material) ? judge(known) : verify(text)
  }
}

function methodOf(name: string): SigningMethod {
  if (name === 'hmac' || name === 'rsa' || name === 'ecdsa') return name
  throw new UnusableAuthError(`external_oauth.providers[0].jwt.signing_method "${name}" is none of hmac, rsa and ecdsa`)
}
