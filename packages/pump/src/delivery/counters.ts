/**
 * Where a sink's records are. At any moment taken = delivered + filtered + deadLettered + dropped + pending, because a
 * record is counted as one of them in the same step in which it stops being pending.
 */
export class Counters {
  taken = 0
  delivered = 0
  filtered = 0
  deadLettered = 0
  dropped = 0
  pending = 0
  /** Attempts that ended without a verdict, and records that are to be sent again. */
  retried = 0

  take(records: number): void {
    this.taken += records
    this.pending += records
  }

  /** Another pump has them now. */
  lose(records: number): void {
    this.taken -= records
    this.pending -= records
  }

  settle(state: 'delivered' | 'filtered' | 'deadLettered' | 'dropped', records = 1): void {
    this[state] += records
    this.pending -= records
  }
}
