// Hot path.
/** A property and no table of answers, see `lanes/http-proxy.ts`. */
const LASTS = Symbol('lasts')

/** Marks an answer as one that is meant to last, an event stream or a gRPC call: `write_timeout` does not end it. */
export function markLasting(response: object): void {
  ;(response as { [LASTS]?: true })[LASTS] = true
}

export const isLasting = (response: object): boolean => LASTS in response
