import { emptyAccessRights, formatAccessRights, readAccessRights, type AccessRights } from './access-rights.ts'
import { formatGoJson, readObject, sorted, withoutZeros, type ObjectReader } from './go-json.ts'
import { formatLimit, readLimit, type Limit } from './limit.ts'
import type { StoredPassword } from '../auth/stored-password.ts'

/**
 * The object behind a key, as it is stored in Redis and travels through the control API. Member names are those of the
 * JSON form; absent ones have their zero value here and are left out when written.
 */
export interface Session extends Limit {
  org_id: string
  access_rights: AccessRights
  /** Unix seconds; below 1: never. */
  expires: number
  is_inactive: boolean
  apply_policies: string[]
  /** Older form of `apply_policies`; counts only when that is empty. */
  apply_policy_id: string
  /** For basic auth: the password as it is stored. */
  basic_auth_data: StoredPassword | null
  /** For tokens of one-to-one JWT: the text that verifies them. */
  jwt_data: { readonly secret: string } | null
  hmac_enabled: boolean
  hmac_string: string
  enable_http_signature_validation: boolean
  /** For RSA signatures: id or path of the public key, or its PEM text. */
  rsa_certificate_id: string
  certificate: string
  mtls_static_certificate_bindings: string[]
  oauth_client_id: string
  /** Free members; null when there never were any. */
  meta_data: Record<string, unknown> | null
  tags: string[]
  alias: string
  enable_detailed_recording: boolean
  session_lifetime: number
  post_expiry_action: string
  post_expiry_grace_period: number
  date_created: string
  /** Unix seconds as text. */
  last_updated: string
  allowance: number
  /** Members the gateway does not use, passed on as they are. */
  readonly extra: Record<string, unknown>
  /**
   * Not stored: the digest, as of `bareDigest`, of the stored text that this session or the one it is a copy of was read
   * from. Null: it was not read from Redis.
   */
  storedDigest: string | null
}

/** @throws GoJsonError or SyntaxError when the text is not a session. */
export const parseSession = (text: string): Session => readSession(JSON.parse(text))

export function readSession(json: unknown): Session {
  const from = readObject(json)
  return {
    ...readLimit(from),
    org_id: from.string('org_id'),
    access_rights: readAccessRights(from.take('access_rights')),
    expires: from.integer('expires'),
    is_inactive: from.boolean('is_inactive'),
    apply_policies: from.strings('apply_policies'),
    apply_policy_id: from.string('apply_policy_id'),
    basic_auth_data: readPassword(from),
    jwt_data: readJwtData(from),
    hmac_enabled: from.boolean('hmac_enabled'),
    hmac_string: from.string('hmac_string'),
    enable_http_signature_validation: from.boolean('enable_http_signature_validation'),
    rsa_certificate_id: from.string('rsa_certificate_id'),
    certificate: from.string('certificate'),
    mtls_static_certificate_bindings: from.strings('mtls_static_certificate_bindings'),
    oauth_client_id: from.string('oauth_client_id'),
    meta_data: from.map('meta_data'),
    tags: from.strings('tags'),
    alias: from.string('alias'),
    enable_detailed_recording: readDetailedRecording(from),
    session_lifetime: from.integer('session_lifetime'),
    post_expiry_action: from.string('post_expiry_action'),
    post_expiry_grace_period: from.integer('post_expiry_grace_period'),
    date_created: from.string('date_created'),
    last_updated: from.string('last_updated'),
    allowance: from.number('allowance'),
    extra: from.rest(),
    storedDigest: null,
  }
}

/** Both spellings are read, so that both are taken out of what is passed on. */
function readDetailedRecording(from: ObjectReader): boolean {
  const current = from.boolean('enable_detailed_recording')
  const older = from.boolean('enable_detail_recording')
  return current || older
}

/** Null for what has no password: it is no user of basic auth, not one whose password is empty. */
function readPassword(from: ObjectReader): Session['basic_auth_data'] {
  const json = from.map('basic_auth_data')
  if (json === null) return null
  const data = readObject(json, 'basic_auth_data.')
  const password = data.string('password')
  const hash_type = data.string('hash_type')
  return password === '' ? null : { password, hash_type }
}

function readJwtData(from: ObjectReader): Session['jwt_data'] {
  const json = from.map('jwt_data')
  if (json === null) return null
  const secret = readObject(json, 'jwt_data.').string('secret')
  return secret === '' ? null : { secret }
}

export const emptySession = (): Session => readSession({})

/** The JSON text of a session, without zero values, in the order of current gateways. */
export const formatSession = (session: Session): string => formatGoJson(sessionMembers(session))

/** The members `formatSession` writes, for answers that hold more than the session. */
export function sessionMembers(session: Session): Record<string, unknown> {
  const limit = formatLimit(session)
  const { rate, per, smoothing, throttle_interval, throttle_retry_limit, max_query_depth, ...quota } = limit
  return withoutZeros({
    allowance: session.allowance,
    rate,
    per,
    smoothing,
    throttle_interval,
    throttle_retry_limit,
    max_query_depth,
    date_created: session.date_created,
    expires: session.expires,
    ...quota,
    access_rights: formatAccessRights(session.access_rights),
    org_id: session.org_id,
    oauth_client_id: session.oauth_client_id,
    certificate: session.certificate,
    mtls_static_certificate_bindings: session.mtls_static_certificate_bindings,
    basic_auth_data: session.basic_auth_data === null ? null : withoutZeros({ ...session.basic_auth_data }),
    jwt_data: session.jwt_data,
    hmac_enabled: session.hmac_enabled,
    enable_http_signature_validation: session.enable_http_signature_validation,
    hmac_string: session.hmac_string,
    rsa_certificate_id: session.rsa_certificate_id,
    is_inactive: session.is_inactive,
    apply_policy_id: session.apply_policy_id,
    apply_policies: session.apply_policies,
    enable_detailed_recording: session.enable_detailed_recording,
    meta_data: session.meta_data === null ? null : sorted(session.meta_data),
    tags: session.tags,
    alias: session.alias,
    last_updated: session.last_updated,
    session_lifetime: session.session_lifetime,
    post_expiry_action: session.post_expiry_action,
    post_expiry_grace_period: session.post_expiry_grace_period,
    ...(sorted(session.extra) as Record<string, unknown>),
  })
}

/** A copy of the session's own members; rights and limits of APIs are shared until replaced. */
export function copySession(session: Session): Session {
  return {
    ...session,
    apply_policies: [...session.apply_policies],
    tags: [...session.tags],
    meta_data: session.meta_data === null ? null : { ...session.meta_data },
    access_rights: Object.assign(emptyAccessRights(), session.access_rights),
  }
}

/** Ids of the policies a session asks for. */
export function policyIdsOf(session: Session): readonly string[] {
  if (session.apply_policies.length > 0) return session.apply_policies
  return session.apply_policy_id === '' ? [] : [session.apply_policy_id]
}

/** The limits that hold for one API: its own block, else those of the session. */
export const limitFor = (session: Session, apiId: string): Limit => session.access_rights[apiId]?.limit ?? session
