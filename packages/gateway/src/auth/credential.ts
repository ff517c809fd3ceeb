// Hot path.
import { fromByteString, toByteString } from '../byte-string.ts'
import { decodeDefinition } from '../api-definition/decode.ts'
import type { ApiDefinition, AuthConfig } from '../api-definition/schema.ts'
import type { RequestContext } from '../chain/context.ts'
import { canonicalHeaderName } from '../chain/headers.ts'
import { cookieValue } from './cookie.ts'
import { queryValue } from './query.ts'

/** Where one way of authentication reads its credential. Null: not read there. Names are byte strings. */
export interface CredentialPlace {
  readonly header: string | null
  readonly param: string | null
  readonly cookie: string | null
}

const DEFAULT_HEADER = 'Authorization'

/** Names of `auth_configs`. */
type AuthType = 'authToken' | 'jwt' | 'basic' | 'hmac' | 'oidc' | 'externalOAuth'

const UNSET = decodeDefinition({}).auth

/**
 * The settings under one name of `auth_configs`. The older single `auth` object stands in for the two ways that existed
 * before the map.
 */
export function authConfigOf(definition: ApiDefinition, type: AuthType): AuthConfig {
  return definition.auth_configs[type] ?? (type === 'authToken' || type === 'jwt' ? definition.auth : UNSET)
}

export function compileCredentialPlace(config: AuthConfig): CredentialPlace {
  const headerName = config.auth_header_name === '' ? DEFAULT_HEADER : config.auth_header_name
  const otherName = config.disable_header ? DEFAULT_HEADER : headerName
  return {
    header: config.disable_header ? null : canonicalHeaderName(headerName),
    param: config.use_param ? toByteString(config.param_name === '' ? otherName : config.param_name) : null,
    cookie: config.use_cookie ? toByteString(config.cookie_name === '' ? otherName : config.cookie_name) : null,
  }
}

/** The credential of a request as text, empty when it carries none. A cookie goes before the query, that before a header. */
export const readCredential = (ctx: RequestContext, place: CredentialPlace): string =>
  fromByteString(readCredentialBytes(ctx, place))

/** The same as a byte string, as it came. */
export function readCredentialBytes(ctx: RequestContext, place: CredentialPlace): string {
  let value = ''
  if (place.cookie !== null) value = cookieValue(ctx.headers, place.cookie)
  if (value === '' && place.param !== null && ctx.query !== '') value = queryValue(ctx.query, place.param)
  if (value === '' && place.header !== null) value = ctx.headers.get(place.header) ?? ''
  return value
}

/** Takes the scheme word `Bearer` away, in any letter case; no other word is one. */
export function withoutBearer(value: string): string {
  if (value.length < 7 || value.charCodeAt(6) !== 0x20) return value
  return value.slice(0, 6).toUpperCase() === 'BEARER' ? value.slice(7) : value
}
