import type { Readable } from 'node:stream'
import { Client, errors } from '@elastic/elasticsearch'
import type { NodeAddress, Settings } from './settings.ts'
import {
  NodeFailure,
  type NodeRequest,
  type NodeTransport,
  NotServedError,
  readAnswer,
  REQUEST_TIMEOUT_MS,
} from './transport.ts'

/**
 * The official client, one per node: which node is asked, and whether again, is decided above, the same way for both
 * transports. Bodies arrive encoded, so its serializer is passed by.
 */
export function createClientTransport(node: NodeAddress, settings: Settings): NodeTransport {
  const client = new Client({
    node: node.origin + node.prefix,
    maxRetries: 0,
    requestTimeout: REQUEST_TIMEOUT_MS,
    agent: { connections: settings.connectionsPerNode, keepAliveTimeout: 60_000 },
    ...(settings.tls && { tls: settings.tls }),
    ...(node.authorization !== null && { headers: { authorization: node.authorization } }),
  })
  const send = async (request: NodeRequest, signal: AbortSignal) => {
    try {
      const { statusCode, headers, body } = await client.transport.request<Readable>(toParams(request), {
        meta: true,
        asStream: true,
        signal,
        ...(request.contentType === 'application/json' && { headers: PLAIN_JSON }),
      })
      return await readAnswer(statusCode ?? 0, headers, body)
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      if (cause instanceof errors.ProductNotSupportedError) throw new NotServedError(message, { cause })
      throw new NodeFailure(message, { cause })
    }
  }
  return { kind: 'client', send, close: () => client.close() }
}

/** Without this the client calls an encoded body text/plain. Both must agree, or version 8 answers 400. */
const PLAIN_JSON = { 'content-type': 'application/json', accept: 'application/json' }

function toParams({ method, path, body, contentType }: NodeRequest) {
  if (body === null) return { method, path }
  return contentType === 'application/x-ndjson' ? { method, path, bulkBody: body } : { method, path, body }
}
