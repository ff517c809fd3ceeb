import { randomUUID } from 'node:crypto'
import type { Passwords } from '../auth/passwords.ts'
import { isObject } from './go-json.ts'
import type { Session } from './session.ts'

/** A new key for HTTP signatures gets its secret from the gateway. */
export function withHmacSecret(session: Session): Session {
  if (!session.hmac_enabled) return session
  const text = randomUUID().replaceAll('-', '')
  return { ...session, hmac_string: Buffer.from(text, 'utf8').toString('base64') }
}

/**
 * The session with its password in the form in which it is stored. One that is missing, or is the stored form itself,
 * stays what it was before.
 *
 * @param before - null for a new key.
 * @throws PasswordTooLongError (rejects).
 */
export async function withStoredPassword(
  session: Session,
  before: Session | null,
  passwords: Pick<Passwords, 'protect'>,
): Promise<Session> {
  const given = session.basic_auth_data
  const known = before?.basic_auth_data ?? null
  if (known !== null && (given === null || given.password === known.password)) {
    return { ...session, basic_auth_data: known }
  }
  return given === null ? session : { ...session, basic_auth_data: await passwords.protect(given.password) }
}

/** The members of a session as they may be shown. */
export function withoutPassword(members: Record<string, unknown>): Record<string, unknown> {
  const { basic_auth_data: data, ...others } = members
  if (!isObject(data)) return members
  const { password: _, ...shown } = data
  return Object.keys(shown).length === 0 ? others : { ...others, basic_auth_data: shown }
}
