import type { PeerCertificate } from 'node:tls'
import { gatewayErrors, type ErrorRow } from '../errors/catalogue.ts'
import { UpstreamError } from '../proxy/transport.ts'

/** What an access log line says about the reason of an answer. */
export interface Classification {
  readonly flag: string
  readonly details: string
  /** The part that failed: a step's name, `ReverseProxy` or `Upstream`. */
  readonly source: string
  /** Fields of this kind of failure alone. */
  readonly more?: Readonly<Record<string, string | number>>
}

const by =
  (source: string) =>
  (flag: string, details: string): Classification => ({ flag, details, source })

const authKey = by('AuthKey')
const basic = by('BasicAuthKeyIsValid')
const json = by('ValidateJSON')
const jwt = by('JWTMiddleware')
const limits = by('RateLimitAndQuotaCheck')
const size = by('RequestSizeLimitMiddleware')
const proxy = by('ReverseProxy')

const e = gatewayErrors
/** Errors without a row here have no class, as in Tyk: IP lists, version checks and others. */
const ROWS: ReadonlyMap<ErrorRow, Classification> = new Map([
  [e.authFieldMissing, authKey('AMF', 'auth_field_missing')],
  [e.keyNotFound, authKey('AKI', 'auth_key_not_found')],
  [e.keyInvalid, authKey('AKI', 'auth_key_is_invalid')],
  [e.certificateNotFound, authKey('AKI', 'auth_cert_not_found')],
  [e.certificateExpired, authKey('TKE', 'auth_cert_expired')],
  [e.certificateRequired, authKey('CRQ', 'auth_cert_required')],
  [e.certificateMismatch, authKey('CMM', 'auth_cert_mismatch')],
  [e.basicFieldMissing, basic('AMF', 'basic_auth_field_missing')],
  [e.basicHeaderMalformed, basic('IHD', 'basic_auth_header_malformed')],
  [e.basicEncodingMalformed, basic('IHD', 'basic_auth_encoding_invalid')],
  [e.basicValuesMalformed, basic('IHD', 'basic_auth_values_malformed')],
  [e.basicNoUserInBody, basic('BIV', 'basic_auth_body_username_missing')],
  [e.basicNoPasswordInBody, basic('BIV', 'basic_auth_body_password_missing')],
  [e.jsonUnreadable, json('BIV', 'json_parse_error')],
  [e.jsonInvalid, json('BIV', 'schema_validation_failed')],
  [e.bodyToValidateTooLarge, json('BTL', 'body_too_large')],
  [e.jwtFieldMissing, jwt('AMF', 'jwt_field_missing')],
  [e.jwtNotAuthorized, jwt('TKI', 'jwt_token_invalid')],
  [e.jwtUnexpectedSigningMethod, jwt('TKI', 'jwt_unexpected_signing_method')],
  [e.jwtExpired, jwt('TKE', 'jwt_token_expired')],
  [e.jwtUsedBeforeIssued, jwt('TCV', 'jwt_claims_invalid')],
  [e.jwtNotYetValid, jwt('TCV', 'jwt_claims_invalid')],
  [e.jwtNoIdentity, jwt('TCV', 'jwt_claims_invalid')],
  [e.jwtEmptySubject, jwt('TCV', 'jwt_claims_invalid')],
  [e.rateLimitExceeded, limits('RLT', 'session_rate_limited')],
  [e.apiRateLimitExceeded, by('RateLimitForAPI')('RLT', 'api_rate_limited')],
  [e.quotaExceeded, limits('QEX', 'quota_exceeded')],
  [e.lengthRequired, size('CLM', 'content_length_missing')],
  [e.requestTooLarge, size('BTL', 'body_too_large')],
  [e.clientClosed, proxy('CDC', 'client_disconnected')],
])

/** Codes of Node and OpenSSL. */
const CODES: ReadonlyMap<string, Classification> = new Map([
  ['CERT_HAS_EXPIRED', proxy('TLE', 'tls_certificate_expired')],
  ['CERT_NOT_YET_VALID', proxy('TLE', 'tls_certificate_expired')],
  ['ERR_TLS_CERT_ALTNAME_INVALID', proxy('TLM', 'tls_hostname_mismatch')],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', proxy('TLN', 'tls_unknown_authority')],
  ['SELF_SIGNED_CERT_IN_CHAIN', proxy('TLN', 'tls_unknown_authority')],
  ['UNABLE_TO_GET_ISSUER_CERT', proxy('TLN', 'tls_unknown_authority')],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', proxy('TLN', 'tls_unknown_authority')],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', proxy('TLN', 'tls_unknown_authority')],
  ['CERT_UNTRUSTED', proxy('TLI', 'tls_certificate_invalid')],
  ['CERT_REJECTED', proxy('TLI', 'tls_certificate_invalid')],
  ['CERT_REVOKED', proxy('TLI', 'tls_certificate_invalid')],
  ['CERT_SIGNATURE_FAILURE', proxy('TLI', 'tls_certificate_invalid')],
  ['CERT_CHAIN_TOO_LONG', proxy('TLI', 'tls_certificate_invalid')],
  ['INVALID_CA', proxy('TLI', 'tls_certificate_invalid')],
  ['INVALID_PURPOSE', proxy('TLI', 'tls_certificate_invalid')],
  ['PATH_LENGTH_EXCEEDED', proxy('TLI', 'tls_certificate_invalid')],
  ['ERR_SSL_WRONG_VERSION_NUMBER', proxy('TLP', 'tls_protocol_error')],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', proxy('TLP', 'tls_protocol_error')],
  ['ERR_SSL_HTTP_REQUEST', proxy('TLP', 'tls_protocol_error')],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', proxy('TLP', 'tls_protocol_version_error')],
  ['ECONNREFUSED', proxy('UCF', 'connection_refused')],
  ['ETIMEDOUT', proxy('UCT', 'connection_timeout')],
  ['ECONNRESET', proxy('URR', 'connection_reset')],
  ['ENETUNREACH', proxy('NRH', 'network_unreachable')],
  ['EHOSTUNREACH', proxy('NRH', 'host_unreachable')],
  ['EPIPE', proxy('EPI', 'broken_pipe')],
  ['ECONNABORTED', proxy('CAB', 'connection_aborted')],
  ['ENETRESET', proxy('NRS', 'network_reset')],
  ['ENOTFOUND', proxy('DNS', 'dns_not_found')],
  ['ETIMEOUT', proxy('DNS', 'dns_timeout')],
  // The resolver gave up: no server answered, or none had an answer.
  ['EAI_AGAIN', proxy('DNS', 'dns_resolution_failed')],
  ['EAI_FAIL', proxy('DNS', 'dns_resolution_failed')],
])

/** Alerts that the upstream sent, by the end of OpenSSL's code: `ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION`. */
const ALERTS: readonly (readonly [ending: string, classification: Classification])[] = [
  ['ALERT_PROTOCOL_VERSION', proxy('TLP', 'tls_protocol_version_error')],
  ['ALERT_HANDSHAKE_FAILURE', proxy('TLH', 'tls_handshake_failure')],
  ['ALERT_BAD_CERTIFICATE', proxy('TLH', 'tls_handshake_failure')],
  ['ALERT_CERTIFICATE_REQUIRED', proxy('TLH', 'tls_handshake_failure')],
]
const OTHER_ALERT = proxy('TLA', 'tls_alert_received')

const DEADLINE = proxy('URT', 'context_deadline_exceeded')
const TIMEOUT = proxy('URT', 'request_timeout')
const OTHER = proxy('UPE', 'upstream_error')

/** The class of a failure; null: it has none. */
export function classifyFailure(failure: ErrorRow | UpstreamError): Classification | null {
  return failure instanceof UpstreamError ? classifyUpstream(failure) : (ROWS.get(failure.caseOf ?? failure) ?? null)
}

/** The upstream answered with an error of its own. */
export const upstreamAnswered = (status: number): Classification => ({
  flag: 'URS',
  details: 'upstream_response_5xx',
  source: 'Upstream',
  more: { upstream_status: status },
})

function classifyUpstream({ failure, cause }: UpstreamError): Classification {
  if (failure === 'timeout') return TIMEOUT
  if (failure === 'deadline' || failure === 'dial-timeout') return DEADLINE
  const { code = '', cert } = (cause ?? {}) as { readonly code?: string; readonly cert?: PeerCertificate }
  const found = CODES.get(code) ?? alertOf(code) ?? OTHER
  return found.flag === 'TLE' && cert !== undefined ? { ...found, more: certificateFields(cert) } : found
}

function alertOf(code: string): Classification | null {
  if (!code.startsWith('ERR_SSL_') || !code.includes('_ALERT_')) return null
  return ALERTS.find(([ending]) => code.endsWith(ending))?.[1] ?? OTHER_ALERT
}

function certificateFields({ valid_to: validTo, subject }: PeerCertificate): Record<string, string> {
  const expiry = new Date(validTo)
  const fields: Record<string, string> = {}
  if (!Number.isNaN(expiry.getTime())) fields['tls_cert_expiry'] = expiry.toISOString().replace('.000Z', 'Z')
  if (subject !== undefined) fields['tls_cert_subject'] = distinguishedName(subject)
  return fields
}

const NAME_ORDER = ['serialNumber', 'CN', 'postalCode', 'street', 'ST', 'L', 'OU', 'O', 'C']

/** The parts that Go prints, in its order: `CN=a.test,O=Acme`. */
function distinguishedName(subject: PeerCertificate['subject']): string {
  const values = new Map<string, string | string[] | undefined>(Object.entries(subject))
  return NAME_ORDER.flatMap((name) =>
    [values.get(name) ?? []].flat().map((one) => `${name === 'serialNumber' ? 'SERIALNUMBER' : name}=${one}`),
  ).join(',')
}
