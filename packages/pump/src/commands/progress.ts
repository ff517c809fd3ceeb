export interface ProgressOutput {
  readonly write: (text: string) => void
  /** A line can be written over. */
  readonly isTerminal: boolean
}

/** Work that is done sooner says nothing. */
const FIRST_MS = 1_000
const TERMINAL_MS = 200
/** Lines of a file or a container's log stay. */
const LINES_MS = 5_000

/** Says how far a long work is: one line that changes on a terminal, else a line now and then. */
export class Progress {
  readonly #output: ProgressOutput
  readonly #now: () => number
  #doing = ''
  #sayAt: number
  #width = 0

  constructor(output: ProgressOutput, now: () => number = Date.now) {
    this.#output = output
    this.#now = now
    this.#sayAt = now() + FIRST_MS
  }

  /** @param doing - What is being done, e.g. `leases looked through`. */
  readonly report = (doing: string, done: number, total: number): void => {
    const now = this.#now()
    if (now < this.#sayAt) return
    const { write, isTerminal } = this.#output
    this.#sayAt = now + (isTerminal ? TERMINAL_MS : LINES_MS)
    // What was counted at the beginning may have grown since.
    const line = `${doing}: ${done} of ${Math.max(done, total)}`
    if (!isTerminal) return write(`${line}\n`)
    if (doing !== this.#doing) this.clear()
    this.#doing = doing
    write(`\r${line.padEnd(this.#width)}`)
    this.#width = line.length
  }

  /** Before anything else is written. */
  clear(): void {
    if (this.#width > 0) this.#output.write(`\r${' '.repeat(this.#width)}\r`)
    this.#width = 0
  }
}
