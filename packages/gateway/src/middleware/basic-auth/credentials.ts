// Hot path.
import { decodeBase64 } from '../../auth/key-format.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'

export interface Credentials {
  readonly user: string
  /** Bytes: clients do not agree on an encoding. */
  readonly password: Buffer
}

/** Beyond that no password is looked at: hashing and comparing would be work for nothing. */
const MAX_BYTES = 16 * 1024

const COLON = 0x3a
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Takes a credential apart: a word, one space, base64 of `user:password`. The word is not looked at. A password may hold
 * colons, unlike in Tyk.
 *
 * @param value - not empty.
 */
export function parseCredentials(value: string): Credentials | ErrorRow {
  const space = value.indexOf(' ')
  if (space === -1 || value.includes(' ', space + 1)) return gatewayErrors.basicHeaderMalformed
  if (value.length > 2 * MAX_BYTES) return gatewayErrors.basicNotAuthorised
  const bytes = decodeBase64(value.slice(space + 1))
  if (bytes === null) return gatewayErrors.basicEncodingMalformed
  const colon = bytes.indexOf(COLON)
  if (colon === -1) return gatewayErrors.basicValuesMalformed
  return credentialsOf(bytes.subarray(0, colon), bytes.subarray(colon + 1))
}

/** A user whose name is no text, or a text that is too long, cannot have been stored. */
function credentialsOf(user: Buffer, password: Buffer): Credentials | ErrorRow {
  if (user.length + password.length > MAX_BYTES) return gatewayErrors.basicNotAuthorised
  try {
    return { user: utf8.decode(user), password }
  } catch {
    return gatewayErrors.basicNotAuthorised
  }
}

export const isFailure = (result: Credentials | ErrorRow): result is ErrorRow => 'status' in result
