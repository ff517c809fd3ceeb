import { errorRow, gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { claim, nestedClaim, type Claims } from './token.ts'

export type Identity = { readonly id: string } | { readonly error: ErrorRow }

/**
 * Who a token speaks for: the configured claim, else `sub`. An empty text in either is refused rather than passed over;
 * a value of another type is passed over.
 *
 * @param field - `jwt_identity_base_field`, may be empty.
 */
export function identityOf(claims: Claims, field: string): Identity {
  if (field !== '') {
    const candidates = [claim(claims, field), field.includes('.') ? nestedClaim(claims, field) : undefined]
    const id = candidates.find((value) => typeof value === 'string' && value !== '')
    if (typeof id === 'string') return { id }
    if (candidates.includes('')) {
      return { error: errorRow(403, `found an empty user ID in predefined base claim, claim: ${field}`) }
    }
  }
  const sub = claim(claims, 'sub')
  if (sub === '') return { error: gatewayErrors.jwtEmptySubject }
  return typeof sub === 'string' ? { id: sub } : { error: gatewayErrors.jwtNoIdentity }
}
