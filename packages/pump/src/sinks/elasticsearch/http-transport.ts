import { Pool } from 'undici'
import type { NodeAddress, Settings } from './settings.ts'
import { NodeFailure, type NodeRequest, type NodeTransport, readAnswer, REQUEST_TIMEOUT_MS } from './transport.ts'

/** Plain HTTP, for servers that the official client refuses: Elasticsearch before 7.14, OpenSearch, look-alikes. */
export function createHttpTransport(node: NodeAddress, settings: Settings): NodeTransport {
  const pool = new Pool(node.origin, {
    connections: settings.connectionsPerNode,
    headersTimeout: REQUEST_TIMEOUT_MS,
    bodyTimeout: REQUEST_TIMEOUT_MS,
    ...(settings.tls && { connect: settings.tls }),
  })
  const headers = {
    accept: 'application/json',
    'user-agent': 'tek-pump',
    ...(node.authorization !== null && { authorization: node.authorization }),
  }
  const send = async (request: NodeRequest, signal: AbortSignal) => {
    try {
      const {
        statusCode,
        headers: answered,
        body,
      } = await pool.request({
        method: request.method,
        path: node.prefix + request.path,
        headers: { ...headers, ...(request.contentType && { 'content-type': request.contentType }) },
        body: request.body,
        signal,
      })
      return await readAnswer(statusCode, answered, body)
    } catch (cause) {
      throw new NodeFailure(cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }
  return { kind: 'http', send, close: () => pool.destroy() }
}
