/**
 * A segment that is in a sink's hands no longer. Its records still count as pending; exactly one of the calls says what
 * became of them.
 */
export interface Withdrawal {
  readonly sink: string
  /** Where the sink stands; Redis knows it. */
  readonly offset: number
  /** The sink goes on with it. */
  restore(): void
  /** What lies before an offset is given up; the sink goes on behind it. Returns how many records that costs it. */
  drop(to: number): number
  /** The records are in other hands now. */
  release(): void
}
