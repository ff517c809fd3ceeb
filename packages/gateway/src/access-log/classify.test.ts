import { expect, test } from 'vitest'
import { errorRow, gatewayErrors } from '../errors/catalogue.ts'
import { UpstreamError, type UpstreamFailure } from '../proxy/transport.ts'
import { classifyFailure, upstreamAnswered } from './classify.ts'

const failed = (failure: UpstreamFailure, code?: string, cert?: unknown): UpstreamError =>
  new UpstreamError(failure, 'm', {
    cause: code === undefined ? undefined : Object.assign(new Error('c'), { code, cert }),
  })

test.each<[failure: UpstreamFailure, code: string | undefined, flag: string, details: string]>([
  ['tls', 'CERT_HAS_EXPIRED', 'TLE', 'tls_certificate_expired'],
  ['tls', 'CERT_SIGNATURE_FAILURE', 'TLI', 'tls_certificate_invalid'],
  ['tls', 'ERR_TLS_CERT_ALTNAME_INVALID', 'TLM', 'tls_hostname_mismatch'],
  ['tls', 'SELF_SIGNED_CERT_IN_CHAIN', 'TLN', 'tls_unknown_authority'],
  ['tls', 'ERR_SSL_WRONG_VERSION_NUMBER', 'TLP', 'tls_protocol_error'],
  ['tls', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'TLP', 'tls_protocol_version_error'],
  ['tls', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'TLH', 'tls_handshake_failure'],
  ['tls', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'TLH', 'tls_handshake_failure'],
  ['tls', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'TLA', 'tls_alert_received'],
  ['connect', 'ECONNREFUSED', 'UCF', 'connection_refused'],
  ['connect', 'ETIMEDOUT', 'UCT', 'connection_timeout'],
  ['reset', 'ECONNRESET', 'URR', 'connection_reset'],
  ['connect', 'ENETUNREACH', 'NRH', 'network_unreachable'],
  ['connect', 'EHOSTUNREACH', 'NRH', 'host_unreachable'],
  ['reset', 'EPIPE', 'EPI', 'broken_pipe'],
  ['connect', 'ECONNABORTED', 'CAB', 'connection_aborted'],
  ['connect', 'ENETRESET', 'NRS', 'network_reset'],
  ['lookup', 'ENOTFOUND', 'DNS', 'dns_not_found'],
  ['connect', 'EAI_AGAIN', 'DNS', 'dns_resolution_failed'],
  ['dial-timeout', undefined, 'URT', 'context_deadline_exceeded'],
  ['deadline', undefined, 'URT', 'context_deadline_exceeded'],
  ['timeout', undefined, 'URT', 'request_timeout'],
  ['reset', undefined, 'UPE', 'upstream_error'],
  ['malformed', 'GATEWAY_UPSTREAM_MALFORMED', 'UPE', 'upstream_error'],
])('a %s failure with code %s is %s, %s', (failure, code, flag, details) => {
  expect(classifyFailure(failed(failure, code))).toEqual({ flag, details, source: 'ReverseProxy' })
})

test('an expired certificate is named with its end and its subject', () => {
  const cert = { valid_to: 'Feb  1 00:00:00 2020 GMT', subject: { C: 'DE', O: 'Acme', CN: 'a.test' } }
  expect(classifyFailure(failed('tls', 'CERT_HAS_EXPIRED', cert))?.more).toEqual({
    tls_cert_expiry: '2020-02-01T00:00:00Z',
    tls_cert_subject: 'CN=a.test,O=Acme,C=DE',
  })
})

test('errors of steps carry the name of the step; those that Tyk does not classify carry none', () => {
  expect(classifyFailure(gatewayErrors.quotaExceeded)).toEqual({
    flag: 'QEX',
    details: 'quota_exceeded',
    source: 'RateLimitAndQuotaCheck',
  })
  expect(classifyFailure(gatewayErrors.ipDisallowed)).toBeNull()
  expect(classifyFailure(errorRow(403, 'made up at run time'))).toBeNull()
})

test.each<[keyof typeof gatewayErrors, source: string, flag: string, details: string]>([
  ['authFieldMissing', 'AuthKey', 'AMF', 'auth_field_missing'],
  ['keyNotFound', 'AuthKey', 'AKI', 'auth_key_not_found'],
  ['keyInvalid', 'AuthKey', 'AKI', 'auth_key_is_invalid'],
  ['certificateNotFound', 'AuthKey', 'AKI', 'auth_cert_not_found'],
  ['certificateExpired', 'AuthKey', 'TKE', 'auth_cert_expired'],
  ['certificateRequired', 'AuthKey', 'CRQ', 'auth_cert_required'],
  ['certificateMismatch', 'AuthKey', 'CMM', 'auth_cert_mismatch'],
  ['basicFieldMissing', 'BasicAuthKeyIsValid', 'AMF', 'basic_auth_field_missing'],
  ['basicHeaderMalformed', 'BasicAuthKeyIsValid', 'IHD', 'basic_auth_header_malformed'],
  ['basicEncodingMalformed', 'BasicAuthKeyIsValid', 'IHD', 'basic_auth_encoding_invalid'],
  ['basicValuesMalformed', 'BasicAuthKeyIsValid', 'IHD', 'basic_auth_values_malformed'],
  ['basicNoUserInBody', 'BasicAuthKeyIsValid', 'BIV', 'basic_auth_body_username_missing'],
  ['basicNoPasswordInBody', 'BasicAuthKeyIsValid', 'BIV', 'basic_auth_body_password_missing'],
  ['jsonUnreadable', 'ValidateJSON', 'BIV', 'json_parse_error'],
  ['jsonInvalid', 'ValidateJSON', 'BIV', 'schema_validation_failed'],
  ['lengthRequired', 'RequestSizeLimitMiddleware', 'CLM', 'content_length_missing'],
  ['requestTooLarge', 'RequestSizeLimitMiddleware', 'BTL', 'body_too_large'],
])('%s of %s is %s, %s', (row, source, flag, details) => {
  const expected = { flag, details, source }
  expect(classifyFailure(gatewayErrors[row])).toEqual(expected)
  expect(classifyFailure(errorRow(418, 'in other words', gatewayErrors[row]))).toEqual(expected)
})

test('an upstream’s own error is the upstream’s', () => {
  expect(upstreamAnswered(503)).toMatchObject({ flag: 'URS', source: 'Upstream', more: { upstream_status: 503 } })
})
