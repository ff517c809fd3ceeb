/**
 * Every error the gateway answers itself: status and message byte for byte as Tyk sends them.
 *
 * `id` is the name under which `override_messages` can change it; null for those that cannot be overridden.
 */
export interface ErrorRow {
  readonly id: string | null
  readonly status: number
  readonly message: string
}

const row = (status: number, message: string, id: string | null = null): ErrorRow =>
  Object.freeze({ id, status, message })

/** For messages with a part known only at run time. Never built from internal error text. */
export const errorRow = (status: number, message: string): ErrorRow => row(status, message)

export const gatewayErrors = Object.freeze({
  // Authentication.
  authFieldMissing: row(401, 'Authorization field missing', 'auth.auth_field_missing'),
  keyNotFound: row(403, 'Access to this API has been disallowed', 'auth.key_not_found'),
  jwtFieldMissing: row(400, 'Authorization field missing'),
  jwtNotAuthorized: row(403, 'Key not authorized'),
  jwtUnexpectedSigningMethod: row(403, 'Key not authorized: Unexpected signing method'),
  jwtExpired: row(401, 'Key not authorized: token has expired'),
  jwtUsedBeforeIssued: row(401, 'Key not authorized: token used before issued'),
  jwtNotYetValid: row(401, 'Key not authorized: token is not valid yet'),
  jwtNoIdentity: row(403, 'no suitable claims for user ID were found'),
  jwtEmptySubject: row(403, 'found an empty user ID in sub claim'),
  jwtNoMatchingPolicy: row(403, 'key not authorized: no matching policy'),
  jwtNoMatchingPolicyFound: row(403, 'key not authorized: no matching policy found'),
  jwtNoScopePolicy: row(403, 'key not authorized: no matching policy found in scope claim'),
  jwtNoScopeOrPolicy: row(403, 'key not authorized: no scope or policy in token'),
  jwtCannotApplyPolicy: row(403, 'key not authorized: could not apply new policy'),
  jwtCannotApplySeveral: row(403, 'key not authorized: could not apply several policies'),

  // After authentication.
  sessionMissing: row(
    400,
    'Session state is missing or unset! Please make sure that auth headers are properly applied',
  ),
  keyInactive: row(403, 'Key is inactive, please renew'),
  keyExpired: row(401, 'Key has expired, please renew'),
  apiDisallowed: row(403, 'Access to this API has been disallowed'),
  resourceDisallowed: row(403, 'Access to this resource has been disallowed'),
  rateLimitExceeded: row(429, 'Rate Limit Exceeded'),
  quotaExceeded: row(403, 'Quota exceeded'),
  apiRateLimitExceeded: row(429, 'API Rate Limit Exceeded'),

  // Version check.
  noDefaultVersion: row(403, 'No default API version for this non-versioned API found'),
  ambiguousDefaultVersion: row(403, 'Ambiguous default API version for this non-versioned API'),
  versionNotFound: row(403, 'Version information not found'),
  versionDoesNotExist: row(403, 'This API version does not seem to exist'),
  versionHasExpired: row(403, 'Api Version has expired, please check documentation or contact administrator'),
  endpointForbidden: row(403, 'Requested endpoint is forbidden'),
  apiHasExpired: row(403, 'API has expired, please check documentation or contact administrator'),

  // Before authentication.
  ipDisallowed: row(403, 'access from this IP has been disallowed'),
  lengthRequired: row(411, 'Content length is required for this request'),
  lengthNotInteger: row(400, 'content length is not a valid Integer'),
  requestTooLarge: row(400, 'Request is too large'),

  noJsonSchema: row(500, 'no schemas to validate against'),

  // Transforms.
  methodNotAllowed: row(405, 'Method not allowed'),

  // Proxy.
  upstreamFailed: row(500, 'There was a problem proxying the request'),
  upstreamLookupFailed: row(500, 'Upstream host lookup failed'),
  upstreamTimeout: row(504, 'Upstream service reached hard timeout.'),
  clientClosed: row(499, 'Client closed request'),
  bodyUnreadable: row(500, 'There was a problem with reading Body of the Request.'),
  internal: row(500, 'Internal Server Error'),
})
