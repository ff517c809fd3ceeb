import type { RedisCheck } from '../control-api/health.ts'
import type { RedisStores } from './stores.ts'

const PROBE_KEY = 'tyk-liveness-probe'
const PROBE_TTL_S = 10
const DEFAULT_PERIOD_MS = 10_000

/** Probes Redis at fixed times, so that health answers cost nothing and tell when they were true. */
export class HealthChecker {
  readonly #redis: RedisStores
  readonly #periodMs: number
  #timer: NodeJS.Timeout | null = null
  /** null until the first period has passed, as in Tyk. */
  last: RedisCheck | null = null

  constructor(redis: RedisStores, periodMs: number) {
    this.#redis = redis
    this.#periodMs = periodMs > 0 ? periodMs : DEFAULT_PERIOD_MS
  }

  start(): void {
    this.#timer = setInterval(() => void this.#check(), this.#periodMs).unref()
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  async #check(): Promise<void> {
    const output = await this.#probe()
    this.last = { up: output === '', output, time: localTime(new Date()) }
  }

  async #probe(): Promise<string> {
    let late: NodeJS.Timeout | null = null
    const deadline = new Promise<string>((resolve) => {
      late = setTimeout(() => resolve('health check timed out'), this.#periodMs).unref()
    })
    const probe = this.#redis.main
      .set(PROBE_KEY, PROBE_KEY, 'EX', PROBE_TTL_S)
      .then(() => '')
      .catch(() => 'storage: Redis is either down or was not configured')
    const output = await Promise.race([probe, deadline])
    if (late !== null) clearTimeout(late)
    return output
  }
}

/** RFC 3339 with seconds and the process's offset. */
function localTime(date: Date): string {
  const offset = -date.getTimezoneOffset()
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19)
  if (offset === 0) return `${local}Z`
  const pad = (n: number): string => String(Math.trunc(n)).padStart(2, '0')
  return `${local}${offset < 0 ? '-' : '+'}${pad(Math.abs(offset) / 60)}:${pad(Math.abs(offset) % 60)}`
}
