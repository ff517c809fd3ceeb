// Hot path.
const answers = new WeakSet<object>()

/** Marks an answer as one that is meant to last, an event stream or a gRPC call: `write_timeout` does not end it. */
export function markLasting(response: object): void {
  answers.add(response)
}

export const isLasting = (response: object): boolean => answers.has(response)
