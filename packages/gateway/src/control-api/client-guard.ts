import type { TLSSocket } from 'node:tls'
import { createAllowedCertificates, type CertificateList } from '../auth/allowed-certificates.ts'
import type { CertificateStore } from '../auth/certificate-store.ts'
import { createCountedLog } from '../auth/counted-log.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { gatewayErrors } from '../errors/catalogue.ts'
import type { Log } from '../log/log.ts'
import { clientCertificateOf, type ClientCertificate } from '../tls/client-certificate.ts'

/** Lets only clients with a listed certificate into the control API. */
export interface ClientGuard {
  /** The connection is for the control API alone: nothing on it is open without a certificate. */
  coversAll(socket: object): boolean
  /** The message that a client is refused with; null: it may go on. A promise only when a certificate has to be read. */
  refusal(socket: object): string | null | Promise<string | null>
}

export interface ClientGuardDeps {
  readonly config: Pick<GatewayConfig, 'security' | 'control_api_hostname' | 'control_api_port' | 'listen_port'>
  readonly certificateStore: CertificateStore
  readonly log: Log
  readonly now: () => number
}

/** Null: the control API asks for no certificate. */
export function createClientGuard(deps: ClientGuardDeps): ClientGuard | null {
  const { config, log, now } = deps
  if (!config.security.control_api_use_mutual_tls) return null
  const allowed = createAllowedCertificates(config.security.certificates.control_api, deps)
  const failures = createCountedLog(log, 'warn', now)
  const hostname = config.control_api_hostname.toLowerCase()
  const ownPort = hasOwnPort(config)

  const refuse = (message: string): string => {
    failures.note('Control API client certificate refused', () => ({ prefix: 'api', reason: message }))
    return message
  }
  const check = (client: ClientCertificate, list: CertificateList): string | null =>
    list.accepts(client, now()) ? null : refuse(`Certificate with SHA256 ${client.sha256} not allowed`)

  return {
    coversAll: (socket) => ownPort || (hostname !== '' && greetedName(socket) === hostname),
    refusal(socket) {
      const client = clientCertificateOf(socket)
      if (client === undefined) return refuse(gatewayErrors.tlsNotEnabled.message)
      if (client === null) return refuse(gatewayErrors.tlsCertificateMissing.message)
      if (now() > client.validToMs) return refuse(gatewayErrors.tlsCertificateExpired.message)
      const list = allowed.current()
      return list instanceof Promise ? list.then((read) => check(client, read)) : check(client, list)
    },
  }
}

/** Whether the control API has a port that no API shares. */
export const hasOwnPort = (config: Pick<GatewayConfig, 'control_api_port' | 'listen_port'>): boolean =>
  config.control_api_port !== 0 && config.control_api_port !== config.listen_port

/** The name in the client's TLS greeting, in lower case; undefined: none. Over HTTP/2 the socket is a stand-in. */
function greetedName(socket: object): string | undefined {
  const { servername } = socket as Partial<TLSSocket>
  return typeof servername === 'string' ? servername.toLowerCase() : undefined
}
