// Hot path.
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { RequestContext } from '../chain/context.ts'
import type { Answer } from '../chain/types.ts'
import { gatewayErrors } from '../errors/catalogue.ts'
import { AUTH_FAILURE } from '../events/index.ts'
import type { Session } from '../session/session.ts'
import { clientCertificateOf } from '../tls/client-certificate.ts'

const OTHER_CERTIFICATE: Answer = { kind: 'error', error: gatewayErrors.certificateMismatch }

/**
 * What is against the use of a key over this connection: the key may be bound to certificates, and the client has shown
 * none of them. As in Tyk this holds for APIs with mutual TLS only; elsewhere clients are not asked for certificates. One
 * that has expired does not get this far: the check of certificates comes first.
 *
 * @param key - as events tell it.
 */
export function bindingFailure(
  ctx: RequestContext,
  session: Session,
  { definition, orgId, events }: CompiledApi,
  key: string,
): Answer | undefined {
  const { mtls_static_certificate_bindings: bindings } = session
  if (bindings.length === 0 || !definition.use_mutual_tls_auth) return undefined
  const client = clientCertificateOf(ctx.request.socket)
  if (client !== undefined && client !== null && bindings.includes(orgId + client.sha256)) return undefined
  events?.fire('AuthFailure', ctx, key, AUTH_FAILURE)
  return OTHER_CERTIFICATE
}
