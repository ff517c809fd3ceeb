import {
  addFigures,
  NO_FIGURES,
  withoutProcess,
  type ApiRequests,
  type ProcessFigures,
} from '../metrics/process-figures.ts'
import type { Member } from './roster.ts'

/** A worker that is held up must not hold up a scrape for long: what it said last stands in for it. */
const DEADLINE_MS = 2000

/**
 * The figures of all workers. Those that have ended go on counting with what they said last, so that a counter of the
 * gateway never goes back; what such a worker had counted after that is lost with it.
 */
export class WorkerFigures {
  readonly #latest = new Map<Member, ProcessFigures>()
  #ended = NO_FIGURES
  #lost = 0

  /** Workers that ended before the gateway did. */
  get lost(): number {
    return this.#lost
  }

  /** @param member - undefined: it has ended meanwhile. */
  note(member: Member | undefined, figures: ProcessFigures): void {
    if (member !== undefined) this.#latest.set(member, figures)
  }

  forget(member: Member): void {
    const figures = this.#latest.get(member)
    this.#latest.delete(member)
    this.#lost++
    if (figures !== undefined) this.#ended = addFigures(this.#ended, withoutProcess(figures))
  }

  /** @param apiIds - of the APIs that are served; others are left out. */
  async collect(members: readonly Member[], apiIds: ReadonlySet<string>): Promise<ProcessFigures> {
    await Promise.all(members.map((member) => this.#ask(member)))
    const isServed = ([apiId]: ApiRequests): boolean => apiIds.has(apiId)
    this.#ended = { ...this.#ended, requests: this.#ended.requests.filter(isServed) }
    const total = [...this.#latest.values()].reduce(addFigures, this.#ended)
    return { ...total, requests: total.requests.filter(isServed) }
  }

  async #ask(member: Member): Promise<void> {
    const figures = await member.peer.ask('figures', null, DEADLINE_MS).catch(() => null)
    // One that has ended while it was asked is counted among those.
    if (figures !== null && member.serves) this.#latest.set(member, figures)
  }
}
