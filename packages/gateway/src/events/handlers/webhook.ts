import { hash } from 'node:crypto'
import { reasonOf } from '../../auth/log-reason.ts'
import type { Log } from '../../log/log.ts'
import type { RepeatedLog } from '../../log/repeated.ts'
import type { RedisStores } from '../../redis/stores.ts'
import type { ObjectReader } from '../../session/go-json.ts'
import type { EventHandler, GatewayEvent, HandlerPlace } from '../types.ts'
import { openWebhookBody, type WebhookText } from './webhook-body.ts'
import type { WebhookClient } from './webhook-client.ts'
import { readWebhookOptions, WEBHOOK_METHODS, type WebhookOptions } from './webhook-options.ts'

export interface WebhookDeps {
  readonly client: WebhookClient
  readonly redis: Pick<RedisStores, 'main' | 'isUp'>
  /** `template_path` of the configuration. */
  readonly templateFolder: string
  /** For what is said of the handlers themselves, by one of several processes. */
  readonly log: Log
  /** For what may repeat with every event. */
  readonly failures: RepeatedLog
}

const USER_AGENT = 'Tyk-Hookshot'
/** Shared with every gateway on this Redis: what one has sent, the others do not send again. */
const SENT_PREFIX = 'webhook.cache.'

/**
 * `eh_web_hook_handler`: sends each event to a URL, once, without a second attempt.
 *
 * @throws GoJsonError when the options cannot be used.
 */
export function createWebhook(meta: ObjectReader, place: HandlerPlace, deps: WebhookDeps): EventHandler {
  const { client, redis, failures } = deps
  const options = readWebhookOptions(meta)
  const fields = { ...(place.apiId === null ? {} : { api_id: place.apiId }), key: place.key }
  const log = deps.log.child(fields)
  if (options.unknownMethod !== null) {
    log.warn(
      { method: options.unknownMethod, known: WEBHOOK_METHODS.join(', ') },
      'Method of a webhook is none, using GET',
    )
  }
  const body = openWebhookBody(options.templatePath, deps.templateFolder, log)
  // Path and query of a URL may hold a token.
  const receiver = options.target.origin

  const failed = (event: GatewayEvent, what: object): void =>
    failures.write(
      'error',
      `webhook ${place.apiId ?? ''} ${place.key}`,
      { ...fields, event: event.Type, receiver, ...what },
      'Request to webhook failed',
    )

  const render = async (event: GatewayEvent): Promise<WebhookText | null> => {
    try {
      return await body.render(event)
    } catch (err) {
      failures.write(
        'error',
        `webhook body ${place.apiId ?? ''} ${place.key}`,
        { ...fields, event: event.Type, reason: (err as Error).message },
        'Template of a webhook could not be filled in, event dropped',
      )
      return null
    }
  }

  /** Marks an event as sent; false: an equal one was. Without Redis nobody knows, and it is sent. */
  const isFirst = async (text: Buffer): Promise<boolean> => {
    if (options.timeoutSeconds === 0 || !redis.isUp) return true
    const mark = SENT_PREFIX + eventDigest(options, text)
    try {
      return (await redis.main.set(mark, '1', 'EX', options.timeoutSeconds, 'NX')) !== null
    } catch {
      return true
    }
  }

  return {
    async handle(event, signal) {
      const rendered = await render(event)
      if (rendered === null) return
      const text = Buffer.from(rendered.text, 'utf8')
      if (!(await isFirst(text))) return
      const headers = headersOf(options, rendered)
      try {
        const status = await client.send(options.target, { method: options.method, headers, body: text }, signal)
        if (status < 200 || status > 299) failed(event, { status })
      } catch (err) {
        failed(event, { reason: reasonOf(err) })
      }
    },
  }
}

function headersOf({ headers }: WebhookOptions, { isJson }: WebhookText): Record<string, string> {
  const own = isJson ? { 'Content-Type': 'application/json' } : {}
  return { 'User-Agent': USER_AGENT, ...own, ...Object.fromEntries(headers) }
}

/** MD5 of the request as Go would write it, without the headers of its own. Other gateways compute the same. */
function eventDigest(
  { method, authority, path }: Pick<WebhookOptions, 'method' | 'authority' | 'path'>,
  body: Buffer,
): string {
  const tellsLength = body.length > 0 || (method !== 'GET' && method !== 'DELETE')
  const length = tellsLength ? `Content-Length: ${body.length}\r\n` : ''
  const head = `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: Go-http-client/1.1\r\n${length}\r\n`
  return hash('md5', Buffer.concat([Buffer.from(head, 'utf8'), body]))
}
