// Hot path.
import { createAllowedCertificates, type CertificateList } from '../../auth/allowed-certificates.ts'
import { createCountedLog } from '../../auth/counted-log.ts'
import type { Answer, MiddlewareDefinition } from '../../chain/types.ts'
import { errorRow, gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { clientCertificateOf, type ClientCertificate } from '../../tls/client-certificate.ts'

/** Mutual TLS: lets only clients in whose certificate is on a list, or was issued by an authority on it. */
export const certificateCheckMiddleware: MiddlewareDefinition = {
  name: 'CertificateCheckMW',
  compile({ definition, apiId }, deps) {
    if (!definition.use_mutual_tls_auth) return null
    const ids = [...definition.client_certificates, ...deps.config.security.certificates.apis]
    const allowed = createAllowedCertificates([...new Set(ids)], deps)
    const failures = createCountedLog(deps.log, 'info', deps.now)

    const refuse = (error: ErrorRow): Answer => {
      failures.note('Certificate validation failed', () => ({
        api_id: apiId,
        mw: 'CertificateCheckMW',
        reason: error.message,
      }))
      return { kind: 'error', error }
    }

    const check = (client: ClientCertificate, list: CertificateList): Answer | undefined => {
      if (list.accepts(client, deps.now())) return undefined
      return refuse(errorRow(403, `Certificate with SHA256 ${client.sha256} not allowed`))
    }

    // Not even paths on the ignored list are open: a client without a certificate must get nowhere.
    return (ctx) => {
      const client = clientCertificateOf(ctx.request.socket)
      if (client === undefined) return refuse(gatewayErrors.tlsNotEnabled)
      if (client === null) return refuse(gatewayErrors.tlsCertificateMissing)
      if (deps.now() > client.validToMs) return refuse(gatewayErrors.tlsCertificateExpired)
      const list = allowed.current()
      return list instanceof Promise ? list.then((read) => check(client, read)) : check(client, list)
    }
  },
}
