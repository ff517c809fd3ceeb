export interface BackoffSettings {
  readonly firstMs: number
  readonly mostMs: number
}

/** Milliseconds before the next attempt: doubles with each failure; half of it is random, so that pumps do not knock in step. */
export function backoffMs(failures: number, settings: BackoffSettings, random: () => number): number {
  const full = Math.min(settings.mostMs, settings.firstMs * 2 ** Math.min(failures - 1, 30))
  return Math.round(full / 2 + (full / 2) * random())
}
