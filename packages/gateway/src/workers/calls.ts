import type { GatewayConfig } from '../config/schema.ts'
import type { LogSettings } from '../log/settings.ts'
import type { GatewayFigures } from '../metrics/gateway-figures.ts'
import type { ProcessFigures } from '../metrics/process-figures.ts'
import type { SharedSet } from '../reload/shared-set.ts'
import type { GatewayState, Notice } from './part.ts'

/** What a worker needs to begin. Files are not read again for it: they may have changed since the gateway started. */
export interface StartOrder {
  readonly index: number
  readonly count: number
  readonly config: GatewayConfig
  readonly log: LogSettings & { readonly isTty: boolean }
  readonly state: GatewayState
  /** This one writes the lines that all would write. */
  readonly speaks: boolean
  /** It takes the place of one that ended, so what it has to say at start was said before; errors are not. */
  readonly isReplacement: boolean
}

/** What a worker needs of a bucket: for requests that wait, and what it can use, those included, before it asks again. */
export type BucketRequest = readonly [
  name: string,
  rate: number,
  perSeconds: number,
  gateways: number,
  needed: number,
  wanted: number,
]

/** Requests that a worker may allow; fewer than it needs: the others are refused until the window ends. */
export type BucketGrant = readonly [name: string, granted: number, left: number, windowEndMs: number]

/** What a worker was granted in a window and did not use. */
export type BucketReturn = readonly [name: string, unused: number, windowEndMs: number]

/** What the parent asks of a worker. The first four are done one after the other. */
export type WorkerCalls = {
  /** Puts the gateway together. */
  start: readonly [StartOrder, null]
  /** Reads files and takes into force what they say; answers with what changed. */
  load: readonly [null, SharedSet]
  /** Takes into force what another worker has loaded. */
  adopt: readonly [SharedSet, null]
  listen: readonly [null, null]
  state: readonly [GatewayState, null]
  speak: readonly [null, null]
  notice: readonly [Notice, null]
  grant: readonly [readonly BucketGrant[], null]
  /** What it has counted. */
  figures: readonly [null, ProcessFigures]
  /** Ends, once requests in flight are answered and records are written. */
  close: readonly [null, null]
}

/** What a worker asks of the parent. */
export type ParentCalls = {
  reload: readonly [null, null]
  notifyGroup: readonly [null, null]
  /** For every other worker. */
  share: readonly [Notice, null]
  redis: readonly [boolean, null]
  /** What the asking worker has counted so far. */
  counted: readonly [ProcessFigures, null]
  /** Of the gateway as a whole. */
  figures: readonly [null, GatewayFigures]
  take: readonly [readonly BucketRequest[], null]
  giveBack: readonly [readonly BucketReturn[], null]
}
