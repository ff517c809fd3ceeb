export type StepStatus = 'ok' | 'warning' | 'failed' | 'skipped'

/** One station on the way of a record. */
export interface Step {
  readonly name: string
  /** The sink it is about. */
  readonly sink?: string
  readonly status: StepStatus
  /** What was seen. */
  readonly detail: string
  /** What to do about it. */
  readonly cure?: string
}

export const ok = (name: string, detail: string): Step => ({ name, status: 'ok', detail })
export const warning = (name: string, detail: string, cure: string): Step => ({ name, status: 'warning', detail, cure })
export const failed = (name: string, detail: string, cure: string): Step => ({ name, status: 'failed', detail, cure })
export const skipped = (name: string, detail: string): Step => ({ name, status: 'skipped', detail })

/** `ES: write` */
export function titleOf({ name, sink }: Step): string {
  return sink === undefined ? name : `${sink}: ${name}`
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message || error.name : String(error)
}
