import { readTimes, type TokenTimes } from './time-claims.ts'
import { claim, type Claims, type ParsedToken } from './token.ts'

/** A token whose signature was good, with everything worked out that does not change between its requests. */
export interface VerifiedToken {
  readonly header: Claims
  readonly claims: Claims
  /** What the key came from; see `KeySource`. */
  readonly material: unknown
  readonly times: TokenTimes
  /** Unix seconds of a numeric `exp`, else 0. */
  readonly expires: number
  /** Context variables: header members, then claims over them. */
  readonly variables: ReadonlyMap<string, unknown>
}

export function verifiedToken(token: ParsedToken, material: unknown): VerifiedToken {
  const { header, claims } = token
  const exp = claim(claims, 'exp')
  return {
    header,
    claims,
    material,
    times: readTimes(claims),
    expires: typeof exp === 'number' ? Math.trunc(exp) : 0,
    variables: new Map(Object.entries({ ...header, ...claims }).map(([name, value]) => [`jwt_claims_${name}`, value])),
  }
}
