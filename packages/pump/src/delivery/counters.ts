export type SettledState = 'delivered' | 'filtered' | 'deadLettered' | 'dropped'

/** A sink's counts at one instant. */
export interface Counts {
  /** Less what another pump has taken over since. */
  readonly taken: number
  readonly delivered: number
  readonly filtered: number
  readonly deadLettered: number
  readonly dropped: number
  readonly pending: number
  /** Of the pending ones: in a batch that is under way. */
  readonly inFlight: number
  /** Records that another pump has taken over, or that went to a file. */
  readonly handedOver: number
  /** Records that were to be sent again, each time. */
  readonly retried: number
  /** Batches that were sent. */
  readonly batches: number
  /** Batches to which there was no verdict. */
  readonly failures: number
}

/**
 * Where a sink's records are. At any moment taken = delivered + filtered + deadLettered + dropped + pending, because a
 * record is counted as one of them in the same step in which it stops being pending.
 */
export class Counters implements Counts {
  taken = 0
  delivered = 0
  filtered = 0
  deadLettered = 0
  dropped = 0
  pending = 0
  inFlight = 0
  handedOver = 0
  retried = 0
  batches = 0
  failures = 0

  take(records: number): void {
    this.taken += records
    this.pending += records
  }

  /** Another pump has them now. */
  lose(records: number): void {
    this.taken -= records
    this.pending -= records
    this.handedOver += records
  }

  settle(state: SettledState, records = 1): void {
    this[state] += records
    this.pending -= records
  }

  send(records: number): void {
    this.batches += 1
    this.inFlight += records
  }

  /** A batch came back, whatever became of its records. */
  answered(records: number): void {
    this.inFlight -= records
  }

  /**
   * Whether every record is in exactly one state.
   *
   * @param unsettled - Records of the held segments that are not settled, counted there and not here.
   */
  balance(unsettled: number): boolean {
    const { taken, delivered, filtered, deadLettered, dropped, pending } = this
    return taken === delivered + filtered + deadLettered + dropped + pending && pending === unsettled
  }
}
