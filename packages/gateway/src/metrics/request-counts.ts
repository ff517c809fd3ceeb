// Hot path.
import type { Recorder } from '../analytics/recorder.ts'

/** Requests by the first digit of their status: index 1 for 1xx to 5 for 5xx, and 0 for whatever is none of these. */
export type StatusClassCounts = readonly number[]

const CLASSES = 6

/** Counts the requests of each API. */
export class RequestCounts {
  readonly #apis = new Map<string, number[]>()

  add(apiId: string, status: number): void {
    let counts = this.#apis.get(apiId)
    if (counts === undefined) {
      counts = Array.from({ length: CLASSES }, () => 0)
      this.#apis.set(apiId, counts)
    }
    const digit = Math.floor(status / 100)
    const index = digit > 0 && digit < CLASSES ? digit : 0
    counts[index] = (counts[index] ?? 0) + 1
  }

  /** Those of the APIs that are served; what is counted of others is forgotten. */
  read(isServed: (apiId: string) => boolean): readonly (readonly [apiId: string, counts: StatusClassCounts])[] {
    for (const apiId of this.#apis.keys()) if (!isServed(apiId)) this.#apis.delete(apiId)
    return [...this.#apis].map(([apiId, counts]) => [apiId, [...counts]])
  }
}

/** Counts at the end of a request whether it leaves a record or not; without counts, the recorder as it is. */
export function withRequestCounts(recorder: Recorder, counts: RequestCounts | null): Recorder {
  if (counts === null) return recorder
  return {
    ...recorder,
    success(ctx, status) {
      counts.add(ctx.api.apiId, status)
      recorder.success(ctx, status)
    },
    error(ctx, status) {
      counts.add(ctx.api.apiId, status)
      recorder.error(ctx, status)
    },
  }
}
