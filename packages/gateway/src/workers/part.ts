import type { RedisCheck } from '../control-api/health.ts'
import type { Buckets } from '../limits/distributed.ts'
import type { Log } from '../log/log.ts'
import type { GatewayFigures } from '../metrics/gateway-figures.ts'
import type { Replacement } from '../session/fences.ts'

/** What one process of a gateway has changed, or heard of, and the others have to know. */
export type Notice =
  | { readonly kind: 'sessions-changed'; readonly keys: readonly string[] }
  /** By the control API: also what waits to be written is void. */
  | { readonly kind: 'session-replaced'; readonly key: string; readonly replacement: Replacement }
  | { readonly kind: 'certificate-changed'; readonly id: string }
  /** null: of every API. */
  | { readonly kind: 'jwks-invalidated'; readonly apiId: string | null }

/** The state of the gateway as a whole, which is what health answers tell. */
export interface GatewayState {
  /** The last check of Redis; null before the first. */
  readonly redisCheck: RedisCheck | null
  /** Every process reaches Redis. */
  readonly redisIsUp: boolean
  /** A load has worked, and every process had its listeners open. */
  readonly loadedOnce: boolean
  readonly shuttingDown: boolean
  /** Gateways that share limits, this one among them. */
  readonly gateways: number
}

/** How a process belongs to its gateway: as the only one, or as one of several under a parent. */
export interface Part {
  /** From 0 to `count` - 1; whoever takes the place of a process that ended has its index. */
  readonly index: number
  readonly count: number
  /** null: this process is the gateway. */
  readonly crew: Crew | null
  state(): GatewayState
  /** Resolves when a reload that began after this call is over in every process. */
  requestReload(): Promise<void>
  /** Has every gateway on this Redis reload, this one included. */
  notifyGroup(): Promise<void>
  /** Resolves when every other process has taken notice. */
  share(notice: Notice): Promise<void>
  /** Of the gateway as a whole, for metrics. */
  figures(): Promise<GatewayFigures>
}

/** What a process needs only when it is one of several. */
export interface Crew {
  /** For lines that every process would write; one of them does. */
  readonly sharedLog: Log
  /** For what the parent says. */
  readonly mutedLog: Log
  /** Runs work whose log lines another process has written. Only what it does before it returns is meant. */
  quietly<T>(work: () => T): T
  /** Rates counted by the parent, for all. */
  readonly buckets: Buckets
}
