import type { Log } from '../../log/log.ts'
import type { ObjectReader } from '../../session/go-json.ts'
import type { EventHandler, HandlerPlace } from '../types.ts'

/** `eh_log_handler`: one line per event, `<prefix>:<type>`. Keys are not in it. */
export function createLogHandler(meta: ObjectReader, { apiId }: HandlerPlace, log: Log): EventHandler {
  const prefix = meta.string('prefix')
  const fields = apiId === null ? {} : { api_id: apiId }
  return { handle: ({ Type }) => log.warn(fields, `${prefix}:${Type}`) }
}
