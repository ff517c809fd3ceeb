import type http from 'node:http'
import type { Random } from '../../support/random.ts'

/** One request of a soak, or several that belong together. */
export interface Call {
  readonly port: number
  readonly agent: http.Agent
  readonly random: Random
  readonly keys: Readonly<Record<string, string>>
  /**
   * Enters a request and gives its number, the last part of its path.
   *
   * @param behind - It waits for another one, of the call's own kind, and may never be begun.
   */
  open(behind?: boolean): number
  answered(id: number, status: number): void
}

export type Send = (call: Call) => Promise<void>
