import { DEFAULT_SETTINGS, type DeliverySettings } from './delivery/index.ts'

/** Every time that decides what a pump does when. Tests shorten them. */
export interface PumpTimings extends DeliverySettings {
  /** How long a pump counts as alive after its last sign; then others take its leases over. */
  readonly ownerTtlMs: number
  readonly recoverEveryMs: number
  /** How often lists are looked for whose bookkeeping was lost. It walks over every key of the server. */
  readonly scanEveryMs: number
  /** A stop gives leases back to their source list that were taken no longer ago than this. */
  readonly returnWithinMs: number
  /** Source lists are taken at least this often. */
  readonly mostTakeMs: number
  /** The whole stop. */
  readonly stopMs: number
}

export const DEFAULT_TIMINGS: PumpTimings = {
  ...DEFAULT_SETTINGS,
  ownerTtlMs: 15_000,
  recoverEveryMs: 5_000,
  scanEveryMs: 600_000,
  mostTakeMs: 1_000,
  returnWithinMs: 10_000,
  stopMs: 9_000,
}
