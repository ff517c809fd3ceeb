import { fromByteString } from '../byte-string.ts'
import type { RequestContext } from '../chain/context.ts'
import type { ApiDefinition } from '../api-definition/schema.ts'
import { originatingRequest, redactionOf, type Redaction } from './originating-request.ts'
import { goTimeText } from './time-text.ts'
import type { ApiEventType, GatewayEvent } from './types.ts'

/** The events of an API that have handlers. Steps call it where they refuse a request, which costs next to nothing. */
export interface ApiEvents {
  /** Whether anybody is told of this event: for steps that would have to do something for it before it happens. */
  wants(type: ApiEventType): boolean
  /**
   * Has the handlers told of an event, later.
   *
   * @param key - what the handlers get as the key: the key itself, as the client sent it.
   * @param extra - further members of `Meta`.
   */
  fire(
    type: ApiEventType,
    ctx: RequestContext,
    key: string,
    message: string,
    extra?: Readonly<Record<string, unknown>>,
  ): void
}

export const AUTH_FAILURE = 'Auth Failure'

type Push = (event: GatewayEvent) => void

export function createApiEvents(
  definition: ApiDefinition,
  handlers: ReadonlyMap<string, Push>,
  now: () => number,
): ApiEvents {
  const redaction = redactionOf(definition)
  return {
    wants: (type) => handlers.has(type),
    fire(type, ctx, key, message, extra) {
      const push = handlers.get(type)
      if (push === undefined) return
      push({ Type: type, Meta: metaOf(ctx, redaction, { key, message, ...extra }), TimeStamp: goTimeText(now()) })
    },
  }
}

function metaOf(
  ctx: RequestContext,
  redaction: Redaction,
  { key, message, ...extra }: Readonly<Record<string, unknown>>,
): GatewayEvent['Meta'] {
  return {
    Message: message,
    OriginatingRequest: originatingRequest(ctx, redaction),
    Path: fromByteString(ctx.path),
    Origin: ctx.clientIp,
    Key: key,
    ...extra,
  }
}
