/**
 * Every error the gateway answers itself: status and message byte for byte as Tyk sends them.
 *
 * `id` is the name under which `override_messages` can change it; null for those that cannot be overridden.
 */
export interface ErrorRow {
  readonly id: string | null
  readonly status: number
  readonly message: string
  /** The row of which this is a case, with a message made up at run time. */
  readonly caseOf?: ErrorRow
}

const row = (status: number, message: string, id: string | null = null): ErrorRow =>
  Object.freeze({ id, status, message })

/** For messages with a part known only at run time. Never built from internal error text. */
export const errorRow = (status: number, message: string, caseOf?: ErrorRow): ErrorRow =>
  caseOf === undefined ? row(status, message) : Object.freeze({ id: null, status, message, caseOf })

export const gatewayErrors = Object.freeze({
  // Authentication.
  authFieldMissing: row(401, 'Authorization field missing', 'auth.auth_field_missing'),
  keyNotFound: row(403, 'Access to this API has been disallowed', 'auth.key_not_found'),
  keyInvalid: row(403, 'Access to this API has been disallowed', 'auth.key_is_invalid'),
  certificateRequired: row(401, 'Client certificate required', 'auth.cert_required'),
  certificateExpired: row(403, 'Certificate has expired', 'auth.cert_expired'),
  certificateMismatch: row(401, 'Access to this API has been disallowed', 'auth.cert_mismatch'),
  certificateNotFound: row(403, 'Access to this API has been disallowed', 'auth.cert_not_found'),
  signatureAlgorithm: row(500, 'internal server error'),
  basicFieldMissing: row(401, 'Authorization field missing'),
  basicHeaderMalformed: row(400, 'Attempted access with malformed header, header not in basic auth format'),
  basicEncodingMalformed: row(400, 'Attempted access with malformed header, auth data not encoded correctly'),
  basicValuesMalformed: row(400, 'Attempted access with malformed header, values not in basic auth format'),
  basicNoUserInBody: row(400, 'Body do not contain username'),
  basicNoPasswordInBody: row(400, 'Body do not contain password'),
  basicNoUserGroup: row(400, 'username should be inside regexp match group'),
  basicNoPasswordGroup: row(400, 'password should be inside regexp match group'),
  basicNotAuthorised: row(401, 'User not authorised'),
  signatureInvalid: row(400, 'Authorization field missing, malformed or invalid'),
  signatureKeyMissing: row(500, 'Certificate not found'),
  signatureKeyUnusable: row(500, "Certificate doesn't contain RSA Public key"),
  authBusy: row(503, 'Service temporarily unavailable.'),
  oauthFieldMissing: row(400, 'authorization field missing'),
  oauthTokenInvalid: row(401, 'access token is not valid'),
  oauthTokenExpired: row(401, 'key not authorized: token has expired'),
  oauthTokenBeforeIssued: row(401, 'key not authorized: token used before issued'),
  oauthTokenNotYetValid: row(401, 'key not authorized: token is not valid yet'),
  oauthCheckFailed: row(500, 'error happened during the access token validation'),
  openidNotAuthorised: row(401, 'Key not authorised'),
  openidNoMatchingPolicy: row(403, 'Key not authorized: no matching policy'),
  openidCannotApplyPolicy: row(403, 'Key not authorized: could not apply new policy'),
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
  rateUnknown: row(500, 'there was a problem proxying the request'),
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
  organisationInactive: row(403, 'this organisation access has been disabled, please contact your API administrator'),
  organisationQuotaExceeded: row(
    403,
    'This organisation quota has been exceeded, please contact your API administrator',
  ),
  organisationRefused: row(
    403,
    'This organization access has been disabled or quota/rate limit is exceeded, please contact your API administrator',
  ),
  organisationRateExceeded: row(
    403,
    'This organisation rate limit has been exceeded, please contact your API administrator',
  ),
  tlsNotEnabled: row(403, 'TLS not enabled'),
  tlsCertificateMissing: row(403, 'Client TLS certificate is required'),
  tlsCertificateExpired: row(403, 'Certificate has expired'),
  ipDisallowed: row(403, 'access from this IP has been disallowed'),
  lengthRequired: row(411, 'Content length is required for this request'),
  lengthNotInteger: row(400, 'content length is not a valid Integer'),
  requestTooLarge: row(400, 'Request is too large'),

  noJsonSchema: row(500, 'no schemas to validate against'),
  // Their messages go on with what is wrong.
  jsonUnreadable: row(400, 'JSON parsing error'),
  jsonInvalid: row(422, 'Body does not fit the schema'),
  bodyToValidateTooLarge: row(400, 'Request is too large'),

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
