import { once } from 'node:events'
import type net from 'node:net'
import tls, { type TlsOptions } from 'node:tls'
import type { Certificate } from '../../../../test/support/certificates.ts'
import { readMessage, type WireMessage } from './wire.ts'
import { OK } from './wire-upstream.ts'

/** An upstream with TLS on a bare socket. */
export interface TlsUpstream extends AsyncDisposable {
  readonly port: number
  /** Requests, with the name and the certificate that the gateway showed. */
  readonly seen: { request: WireMessage; servername: unknown; client: string | undefined }[]
}

export async function startTlsUpstream(certificate: Certificate, options: TlsOptions = {}): Promise<TlsUpstream> {
  const seen: TlsUpstream['seen'] = []
  const server = tls.createServer({ key: certificate.key, cert: certificate.cert, ...options }, (socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      const request = readMessage(chunk.toString('latin1')) as WireMessage
      const { servername } = socket as unknown as { servername: unknown }
      const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined
      seen.push({ request, servername, client: subject?.CN })
      socket.end(OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    })
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    seen,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}
