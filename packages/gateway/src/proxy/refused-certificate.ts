import type { PeerCertificate, TLSSocket } from 'node:tls'

/**
 * Puts the peer's certificate on the error that refuses it, as `cert`: Node does so only for a wrong host name, and by
 * the time of the error the socket has forgotten it.
 */
export function keepRefusedCertificate(socket: TLSSocket): void {
  let certificate: PeerCertificate | null = null
  // Emitted when the handshake is done and before the certificate is judged.
  socket.prependOnceListener('secure', () => {
    certificate = socket.getPeerCertificate()
  })
  const attach = (err: Error): void => {
    if (certificate !== null && !('cert' in err)) Object.assign(err, { cert: certificate })
  }
  socket.prependOnceListener('error', attach)
  socket.once('secureConnect', () => socket.off('error', attach))
}
