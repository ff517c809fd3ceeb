import type { Log } from '../../log/log.ts'
import { GoJsonError, isObject, readObject } from '../../session/go-json.ts'
import type { EventHandler, HandlerPlace } from '../types.ts'
import { createLogHandler } from './log.ts'
import { createWebhook, type WebhookDeps } from './webhook.ts'

/** One entry of a list of handlers, as it was written. */
export interface HandlerEntry {
  readonly handler_name: string
  readonly handler_meta: unknown
}

export interface HandlerDeps extends WebhookDeps {
  /** For events. */
  readonly eventLog: Log
}

/** Why handlers of Tyk are not here. */
const REFUSED: Readonly<Record<string, string>> = {
  eh_dynamic_handler: 'handlers in JavaScript are not supported',
  cp_dynamic_handler: 'handlers in plugins are not supported',
}

/** Makes the handler of an entry. One that is off or cannot be used is reported and is null; the others go on. */
export function createHandler(entry: HandlerEntry, place: HandlerPlace, deps: HandlerDeps): EventHandler | null {
  const { log } = deps
  const { apiId, key } = place
  const report = (reason: string): null => {
    const fields = { ...(apiId === null ? {} : { api_id: apiId }), key, handler: entry.handler_name, reason }
    log.error(fields, 'Failed to init event handler')
    return null
  }
  try {
    const meta = readObject(entry.handler_meta ?? {}, '')
    if (meta.boolean('disabled')) {
      log.info({ ...(apiId === null ? {} : { api_id: apiId }), key }, 'event handler disabled')
      return null
    }
    switch (entry.handler_name) {
      case 'eh_log_handler':
        return createLogHandler(meta, place, deps.eventLog)
      case 'eh_web_hook_handler':
        return createWebhook(meta, place, deps)
      default:
        return report(REFUSED[entry.handler_name] ?? 'Handler not found')
    }
  } catch (err) {
    if (err instanceof GoJsonError) return report(`handler_meta: ${err.message}`)
    throw err
  }
}

/** Reads the handlers of an event from a configuration that nobody has checked; what is no list is reported. */
export function readEntries(list: unknown, path: string): HandlerEntry[] {
  if (!Array.isArray(list)) throw new GoJsonError(`${path}: expected a list of handlers`)
  return list.map((item: unknown, i) => {
    if (!isObject(item)) throw new GoJsonError(`${path}[${i}]: expected an object`)
    const from = readObject(item, `${path}[${i}].`)
    return { handler_name: from.string('handler_name'), handler_meta: from.take('handler_meta') ?? null }
  })
}
