// Hot path.
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { claim, type Claims } from './token.ts'

/** Seconds by which clocks may differ. */
export interface TimeSkews {
  readonly exp: number
  readonly iat: number
  readonly nbf: number
}

/** Times of a token in Unix seconds, made ready to be compared on every request it is presented with. */
export interface TokenTimes {
  /** Good until then; Infinity: for ever, -Infinity: never. */
  readonly expires: number
  readonly issued: number
  readonly notBefore: number
}

/**
 * A time that is missing or 0 does not count. One that is not a number can never be met: such a token counts as expired,
 * or as not valid yet.
 */
export function readTimes(claims: Claims): TokenTimes {
  return {
    expires: timeOf(claim(claims, 'exp'), Infinity, -Infinity),
    issued: timeOf(claim(claims, 'iat'), -Infinity, Infinity),
    notBefore: timeOf(claim(claims, 'nbf'), -Infinity, Infinity),
  }
}

function timeOf(value: unknown, absent: number, unusable: number): number {
  if (value === undefined || value === 0) return absent
  return typeof value === 'number' ? Math.trunc(value) : unusable
}

/** What is wrong with a token's times; of several failures the last in the order exp, iat, nbf is named. */
export function timeFailure(times: TokenTimes, skews: TimeSkews, nowSeconds: number): ErrorRow | null {
  if (times.notBefore > nowSeconds + skews.nbf) return gatewayErrors.jwtNotYetValid
  if (times.issued > nowSeconds + skews.iat) return gatewayErrors.jwtUsedBeforeIssued
  if (times.expires <= nowSeconds - skews.exp) return gatewayErrors.jwtExpired
  return null
}
