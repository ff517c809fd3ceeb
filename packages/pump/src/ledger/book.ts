import type { LedgerState } from './fields.ts'
import { type LedgerElement, Tally } from './tally.ts'

/** What became of the records up to an offset, from where the stretch before it ends. */
interface Stretch {
  readonly to: number
  readonly tally: Tally
}

/** What goes with one commit. */
export interface Bookings {
  /** The offset that Redis has by the last reply. The first stretch begins here at the latest. */
  readonly known: number
  readonly stretches: readonly Stretch[]
}

/** Stretches kept after they were stored, for a Redis that lost its last writes in a failover. */
const KEPT_STRETCHES = 16
const KEPT_ENTRIES = 1_000

/**
 * One sink's bookings in one hold of a lease, in stretches of offsets.
 *
 * A stretch ends where a commit was sent to, and is sent again, unchanged, until a reply says that it is stored. So a
 * commit that follows one whose reply was lost brings both stretches, and the script books those beyond the offset that it
 * finds: all, or only the second.
 */
export class LedgerBook {
  #open = new Tally()
  #sent: Stretch[] = []
  #kept: Stretch[] = []
  #known: number

  /** @param first - The offset in Redis. */
  constructor(first: number) {
    this.#known = first
  }

  /** The next element in the order of offsets. */
  add(state: LedgerState, element: LedgerElement, arrivedMs: number): void {
    this.#open.addElement(state, element, arrivedMs)
  }

  /** Ends the open stretch at `to`, and returns everything of which Redis is not known to have it. */
  seal(to: number): Bookings {
    if (this.#open.size > 0) {
      this.#sent.push({ to, tally: this.#open })
      this.#open = new Tally()
    }
    return { known: this.#known, stretches: [...this.#sent] }
  }

  /** Redis has everything up to `to`. */
  stored(to: number): void {
    this.#kept.push(...this.#sent.filter((stretch) => stretch.to <= to))
    this.#sent = this.#sent.filter((stretch) => stretch.to > to)
    this.#known = to
    let entries = this.#kept.reduce((sum, { tally }) => sum + tally.size, 0)
    while (this.#kept.length > KEPT_STRETCHES || entries > KEPT_ENTRIES) entries -= this.#kept.shift()?.tally.size ?? 0
  }

  /** Redis has forgotten commits, and with them their bookings: what is still at hand is sent once more. */
  rewind(): void {
    this.#sent = [...this.#kept, ...this.#sent]
    this.#kept = []
    this.#known = 0
  }
}
