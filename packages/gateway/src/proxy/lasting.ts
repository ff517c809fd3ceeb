import type { ServerResponse } from 'node:http'

const answers = new WeakSet<ServerResponse>()

/** Marks an answer as one that is meant to last, an event stream or a gRPC call: `write_timeout` does not end it. */
export function markLasting(response: ServerResponse): void {
  answers.add(response)
}

export const isLasting = (response: ServerResponse): boolean => answers.has(response)
