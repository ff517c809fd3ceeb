/** Events that requests to an API raise; the handlers stand in its definition. */
export const API_EVENTS = [
  'AuthFailure',
  'KeyExpired',
  'RatelimitExceeded',
  'RateLimitSmoothingUp',
  'RateLimitSmoothingDown',
  'QuotaExceeded',
  'OrgQuotaExceeded',
  'OrgRateLimitExceeded',
  'VersionFailure',
] as const
export type ApiEventType = (typeof API_EVENTS)[number]

/** Events that the control API raises; the handlers stand in the configuration. */
export const TOKEN_EVENTS = ['TokenCreated', 'TokenUpdated', 'TokenDeleted'] as const
export type TokenEventType = (typeof TOKEN_EVENTS)[number]

/** Handlers of Tyk that are here as well. */
export const HANDLER_NAMES: readonly string[] = ['eh_log_handler', 'eh_web_hook_handler']

/** What has happened, as templates see it: the names are Tyk's. */
export interface GatewayEvent {
  readonly Type: string
  /** Every event has `Message` and `OriginatingRequest` (base64, may be empty). `Key` is the key itself, a secret. */
  readonly Meta: Readonly<Record<string, unknown>>
  /** In the form Go prints times in. */
  readonly TimeStamp: string
}

/** One handler as a definition or the configuration names it. Called beside the requests, never by them. */
export interface EventHandler {
  /** What it does with one event. Failures are its own to log; a rejection is a fault of the code. */
  handle(event: GatewayEvent, signal: AbortSignal): void | Promise<void>
}

/** Where a handler stands, for log lines. */
export interface HandlerPlace {
  /** Null: in the configuration. */
  readonly apiId: string | null
  /** Such as `event_handlers.events.AuthFailure[0]`. */
  readonly key: string
}
