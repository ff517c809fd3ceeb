// Hot path.
import type { Smoothing } from '../session/limit.ts'

/** One rate and the names under which it is counted. */
export interface RateBucket {
  /** Name in Redis; see `limiterKey`. */
  readonly key: string
  /** Name in this process: changes when the counting is to begin anew, as after an update of the key. */
  readonly localName: string
  /** Requests per `perSeconds`; positive. */
  readonly rate: number
  readonly perSeconds: number
  /** Null: the limit is always the whole rate. */
  readonly smoothing: Smoothing | null
}

/** A smoothed limit has moved with the load. */
export type OnMove = (direction: 'up' | 'down') => void

/** What a limiter says about one request. */
export interface Taken {
  readonly allowed: boolean
  /** Requests left in the window, as far as the algorithm knows; else 0. */
  readonly remaining: number
  /** Milliseconds since 1970 at which the next request is allowed or the window ends. */
  readonly resetAtMs: number
}

/** One algorithm of rate limiting. Answers at once where it counts in this process. */
export interface Limiter {
  /**
   * Counts one request.
   *
   * @param onMove - told when a smoothed limit moves, which may be after the answer.
   * @throws LimiterUnavailableError (as a rejection) where neither yes nor no can be said without Redis.
   */
  take(bucket: RateBucket, onMove?: OnMove): Taken | Promise<Taken>
  /** Whether `take` would allow a request now. Counts nothing. */
  hasRoom(bucket: RateBucket): boolean | Promise<boolean>
}

export class LimiterUnavailableError extends Error {
  readonly code = 'GATEWAY_LIMITER_UNAVAILABLE'
}

/** Requests that fit a window: whole ones, and at least one, so that a rate below one does not block for ever. */
export const wholeRate = (rate: number): number => Math.max(1, Math.floor(rate))

/** At least a millisecond. */
export const windowMs = (perSeconds: number): number => Math.max(1, Math.round(perSeconds * 1000))
