import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import { type BackoffSettings, backoffMs } from './backoff.ts'

/** connecting: nothing is known yet. failing: it does not answer. held: it refuses everything and a person must act. */
export type SinkStatus = 'connecting' | 'ok' | 'failing' | 'held'

/** Attempts in a row at which a target may say that it is busy before it counts as failing. */
const SHORT_SPELL = 3

export interface SinkStateOptions {
  readonly displayName: string
  readonly log: Log
  readonly backoff: BackoffSettings
  readonly heldRetryMs: number
  readonly logEveryMs: number
  readonly random: () => number
}

/** How a sink's target is doing, and when it may be asked again. */
export class SinkState {
  readonly #options: SinkStateOptions
  readonly #troubles: OncePerInterval
  #failures = 0
  status: SinkStatus = 'connecting'
  lastError: string | null = null
  /** When the target failed last, epoch ms; null: never. Stays when it answers again. */
  lastErrorAt: number | null = null
  /** No attempt before this instant. */
  pausedUntil = 0

  constructor(options: SinkStateOptions) {
    this.#options = options
    this.#troubles = new OncePerInterval(options.logEveryMs)
  }

  succeeded(): void {
    if (this.status === 'failing' || this.status === 'held') {
      this.#options.log.info('sink answers again')
    }
    this.status = 'ok'
    this.lastError = null
    this.pausedUntil = 0
    this.#failures = 0
    this.#troubles.reset()
  }

  /** The target answers, and wants some records again later. */
  busy(): void {
    this.#failures += 1
    if (this.#failures > SHORT_SPELL)
      this.#note('failing', new Error('the target takes nothing and asks to come again later'))
    this.pausedUntil = Date.now() + this.#backoff()
  }

  failed(error: Error, retryAfterMs: number | null, timedOut: boolean): void {
    this.#failures += 1
    this.#note('failing', error)
    this.pausedUntil = Date.now() + Math.max(this.#backoff(), retryAfterMs ?? 0)
    const { displayName, log } = this.#options
    this.#troubles.run((heldBack) => {
      const fields = {
        ...(this.#failures > 1 ? { attempts: this.#failures } : {}),
        ...(heldBack > 0 ? { notLogged: heldBack } : {}),
      }
      if (timedOut) log.error(fields, `Timeout Writing to: ${displayName}`)
      else log.error(fields, `Error Writing to: ${displayName} - Error:${error.message}`)
    })
  }

  refused(error: Error): void {
    this.#failures += 1
    // A refusal after other trouble is news, however recently that was logged.
    if (this.status !== 'held') this.#troubles.reset()
    this.#note('held', error)
    this.pausedUntil = Date.now() + this.#options.heldRetryMs
    this.#troubles.run(() => {
      this.#options.log.error(
        { err: error },
        'sink refuses everything: records are held until its configuration is corrected',
      )
    })
  }

  /** Asks at once, for the last attempt before the end. */
  resume(): void {
    this.pausedUntil = 0
  }

  #note(status: SinkStatus, error: Error): void {
    this.status = status
    this.lastError = error.message
    this.lastErrorAt = Date.now()
  }

  #backoff(): number {
    return backoffMs(this.#failures, this.#options.backoff, this.#options.random)
  }
}
