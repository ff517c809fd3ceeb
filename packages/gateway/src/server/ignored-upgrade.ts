import type { IncomingMessage } from 'node:http'

/**
 * The bytes of a request whose upgrade is not taken up, with all that came behind its head, for the parser to read again.
 *
 * Node's parser stops behind a request that asks for an upgrade and forgets what it has read of the next one, even when
 * the server says no. Without the `Upgrade` line it is a request like any other.
 *
 * @param rest - What came behind the head.
 */
export function withoutUpgrade(request: IncomingMessage, rest: Buffer): Buffer {
  const { method, url, httpVersion, rawHeaders } = request
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.toLowerCase() !== 'upgrade') head += `${name}: ${rawHeaders[i + 1]}\r\n`
  }
  return Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), rest])
}
