import { RE2JS } from 're2js'
import type { ApiDefinition } from '../../api-definition/schema.ts'
import { UnusableAuthError } from '../../auth/unusable-auth-error.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import type { Credentials } from './credentials.ts'

/** Finds user and password in a body. */
export interface BodyPatterns {
  readonly user: RE2JS
  readonly password: RE2JS
}

/**
 * The patterns of a definition; null when credentials are not taken from bodies.
 *
 * @throws UnusableAuthError naming the key. Tyk drops basic auth altogether then, which leaves the API less protected than
 * its definition says.
 */
export function compileBodyPatterns({ basic_auth: options }: ApiDefinition): BodyPatterns | null {
  if (!options.extract_from_body) return null
  return {
    user: compile('body_user_regexp', options.body_user_regexp),
    password: compile('body_password_regexp', options.body_password_regexp),
  }
}

function compile(key: string, text: string): RE2JS {
  if (text === '') throw new UnusableAuthError(`basic_auth.${key} is empty, though extract_from_body is set`)
  try {
    return RE2JS.compile(text)
  } catch (cause) {
    throw new UnusableAuthError(`basic_auth.${key} is no regular expression`, { cause })
  }
}

/** The first group of each pattern's first match. */
export function findCredentials(body: string, patterns: BodyPatterns): Credentials | ErrorRow {
  const user = firstGroup(patterns.user, body)
  if (user === null) return gatewayErrors.basicNoUserInBody
  if (user === undefined) return gatewayErrors.basicNoUserGroup
  const password = firstGroup(patterns.password, body)
  if (password === null) return gatewayErrors.basicNoPasswordInBody
  if (password === undefined) return gatewayErrors.basicNoPasswordGroup
  return { user, password: Buffer.from(password, 'utf8') }
}

/** Null: no match; undefined: the pattern has no group. */
function firstGroup(pattern: RE2JS, text: string): string | null | undefined {
  const matcher = pattern.matcher(text)
  if (!matcher.find()) return null
  if (matcher.groupCount() === 0) return undefined
  return matcher.group(1) ?? ''
}
