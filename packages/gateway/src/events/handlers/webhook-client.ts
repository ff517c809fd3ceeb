import type { Connections } from '../../external-services/index.ts'
import type { WebhookMethod } from './webhook-options.ts'

/** Sends webhooks. One for all handlers. */
export interface WebhookClient {
  /** Resolves to the status; rejects when there is none in time. Redirects are not followed. */
  send(target: URL, message: WebhookMessage, signal: AbortSignal): Promise<number>
}

export interface WebhookMessage {
  readonly method: WebhookMethod
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const WEBHOOK_TIMEOUT_MS = 30_000
/** Of an answer's body; nobody looks at it, but read to its end the connection can be used again. */
const MAX_DISCARDED_BYTES = 64 * 1024

export function createWebhookClient(connections: Pick<Connections, 'dispatcherFor'>): WebhookClient {
  return {
    async send(target, { method, headers, body }, closing) {
      const signal = AbortSignal.any([closing, AbortSignal.timeout(WEBHOOK_TIMEOUT_MS)])
      // Loaded with the first webhook, as the connections are.
      const undici = await import('undici')
      const dispatcher = await connections.dispatcherFor(target)
      const response = await undici.request(target, { method, headers, body, signal, dispatcher })
      // The status is known: whatever becomes of the rest does not change it.
      await response.body.dump({ limit: MAX_DISCARDED_BYTES, signal }).catch(() => {})
      return response.statusCode
    },
  }
}
