import type { ApiDefinition } from '../api-definition/schema.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Connections } from '../external-services/index.ts'
import type { Log } from '../log/log.ts'
import { createRepeatedLog } from '../log/repeated.ts'
import type { RedisStores } from '../redis/stores.ts'
import { GoJsonError, isObject, readObject } from '../session/go-json.ts'
import { createApiEvents, type ApiEvents } from './api-events.ts'
import { createHandler, readEntries, type HandlerDeps, type HandlerEntry } from './handlers/index.ts'
import { createWebhookClient } from './handlers/webhook-client.ts'
import { createWebhook } from './handlers/webhook.ts'
import { createLane, MAX_WAITING_EVENTS, type Lane } from './lane.ts'
import { createMonitors, type Monitors } from './monitor.ts'
import { goTimeText } from './time-text.ts'
import {
  API_EVENTS,
  TOKEN_EVENTS,
  type EventHandler,
  type GatewayEvent,
  type HandlerPlace,
  type TokenEventType,
} from './types.ts'

/*
 * Events and those who are told of them: a line in the log, or a request to a URL. The lists of both, and what each
 * handler gets, are Tyk's.
 *
 * Whoever raises an event pushes it into a lane and goes on. Each handler has a lane of its own with a bound; what does
 * not fit is dropped and counted. Nothing here waits for a request, and no request waits for anything here.
 */
export { AUTH_FAILURE, type ApiEvents } from './api-events.ts'
export type { CountedQuota } from './monitor.ts'

/** The events of a gateway, as far as they have handlers. */
export interface Events {
  /** Null: the definition has no handler that could be called. */
  forApi(definition: ApiDefinition): ApiEvents | null
  /** The control API has made, changed or removed a key. Handlers stand in the configuration. */
  fireToken(type: TokenEventType, message: string, orgId: string, token: string): void
  readonly monitors: Monitors
  /** Gives the handlers a moment for what waits, then ends what they do. */
  close(): Promise<void>
}

export interface EventsDeps {
  readonly config: Pick<GatewayConfig, 'event_handlers' | 'monitor' | 'template_path'>
  readonly redis: Pick<RedisStores, 'main' | 'isUp'>
  readonly log: Log
  /** For what is said of the configuration, which several processes share. */
  readonly sharedLog: Log
  /** Connections to the receivers of webhooks; whoever made them closes them. */
  readonly webhooks: Pick<Connections, 'dispatcherFor'>
  readonly now: () => number
}

type Push = (event: GatewayEvent) => void

const CLOSE_WAIT_MS = 3000
const NO_MONITORS: Monitors = { keys: null, organisations: null }

export function createEvents({ config, redis, log, sharedLog, webhooks, now }: EventsDeps): Events {
  const failures = createRepeatedLog(log)
  const client = createWebhookClient(webhooks)
  const closing = new AbortController()
  const busy = new Set<Lane>()
  const depsWith = (own: Log): HandlerDeps => ({
    client,
    redis,
    templateFolder: config.template_path,
    log: own,
    eventLog: log,
    failures,
  })
  let idle = (): void => {}

  function open(handler: EventHandler, { apiId, key }: HandlerPlace): Push {
    const fields = { ...(apiId === null ? {} : { api_id: apiId }), key }
    const lane = createLane({
      handler,
      signal: closing.signal,
      onBusy: (self) => void busy.add(self),
      onIdle(self) {
        busy.delete(self)
        if (busy.size === 0) idle()
      },
      onFault: (err) => failures.write('error', `fault ${key}`, { ...fields, err }, 'An event handler failed'),
    })
    const full = `full ${apiId ?? ''} ${key}`
    return (event) => {
      if (closing.signal.aborted || lane.push(event)) return
      const what = { ...fields, event: event.Type, limit: MAX_WAITING_EVENTS }
      failures.write('warn', full, what, 'Too many events wait for their handler, event dropped')
    }
  }

  function openAll(entries: readonly HandlerEntry[], place: HandlerPlace, deps: HandlerDeps): Push | null {
    const pushes = entries.flatMap((entry, i) => {
      const own = { ...place, key: `${place.key}[${i}]` }
      const handler = createHandler(entry, own, deps)
      return handler === null ? [] : [open(handler, own)]
    })
    if (pushes.length === 0) return null
    return (event) => {
      for (const push of pushes) push(event)
    }
  }

  /** The handlers by event, of those events that are raised for whoever named them. */
  function openEach(
    lists: Readonly<Record<string, readonly HandlerEntry[]>>,
    raised: readonly string[],
    apiId: string | null,
    deps: HandlerDeps,
  ): Map<string, Push> {
    const handlers = new Map<string, Push>()
    for (const [type, entries] of Object.entries(lists)) {
      const key = `event_handlers.events.${type}`
      if (!raised.includes(type)) {
        deps.log.warn(
          { ...(apiId === null ? {} : { api_id: apiId }), key },
          'Event is not raised here, no handler of it is called',
        )
        continue
      }
      const push = openAll(entries, { apiId, key }, deps)
      if (push !== null) handlers.set(type, push)
    }
    return handlers
  }

  const tokenHandlers = openEach(
    readConfigured(config.event_handlers.events, sharedLog),
    TOKEN_EVENTS,
    null,
    depsWith(sharedLog),
  )

  return {
    forApi(definition) {
      const { events } = definition.event_handlers
      const handlers = openEach(events, API_EVENTS, definition.api_id, depsWith(log))
      return handlers.size === 0 ? null : createApiEvents(definition, handlers, now)
    },
    fireToken(type, message, orgId, token) {
      const push = tokenHandlers.get(type)
      if (push === undefined) return
      const Meta = { Message: message, OriginatingRequest: '', Org: orgId, Key: token }
      push({ Type: type, Meta, TimeStamp: goTimeText(now()) })
    },
    monitors: config.monitor.enable_trigger_monitors ? openMonitors() : NO_MONITORS,
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>()
      idle = resolve
      const timer = setTimeout(resolve, CLOSE_WAIT_MS)
      if (busy.size > 0) await promise
      clearTimeout(timer)
      closing.abort()
      failures.close()
    },
  }

  function openMonitors(): Monitors {
    const place: HandlerPlace = { apiId: null, key: 'monitor.configuration' }
    let push: Push
    try {
      push = open(createWebhook(readObject(config.monitor.configuration), place, depsWith(sharedLog)), place)
    } catch (err) {
      if (!(err instanceof GoJsonError)) throw err
      sharedLog.error({ key: place.key, reason: err.message }, 'Monitors are off: their webhook cannot be used')
      return NO_MONITORS
    }
    return createMonitors(config, now, ({ org_id }, key, { limit, usage }) => {
      const Meta = {
        Message: 'Quota trigger reached',
        OriginatingRequest: '',
        OrgID: org_id,
        // Older templates have it under this name.
        Org: org_id,
        Key: key,
        TriggerLimit: Math.trunc(limit),
        UsagePercentage: Math.trunc(usage),
      }
      push({ Type: 'TriggerExceeded', Meta, TimeStamp: goTimeText(now()) })
    })
  }
}

/** `event_handlers.events` of the configuration; an event whose handlers have another form is reported and left out. */
function readConfigured(json: unknown, log: Log): Record<string, HandlerEntry[]> {
  const lists: Record<string, HandlerEntry[]> = {}
  const report = (reason: string): void => log.error({ reason }, 'Failed to init event handler')
  if (!isObject(json)) {
    report('event_handlers.events: expected an object')
    return lists
  }
  for (const [type, list] of Object.entries(json)) {
    try {
      lists[type] = readEntries(list, `event_handlers.events.${type}`)
    } catch (err) {
      if (!(err instanceof GoJsonError)) throw err
      report(err.message)
    }
  }
  return lists
}
