/** The process at the other end has ended, so no answer will come. */
export class PeerGoneError extends Error {
  readonly code = 'GATEWAY_PEER_GONE'
}

/** The process at the other end has not answered in time. */
export class PeerLateError extends Error {
  readonly code = 'GATEWAY_PEER_LATE'
}

/** No process serves any more, and none could be started in a row of attempts. */
export class WorkersLostError extends Error {
  readonly code = 'GATEWAY_WORKERS_LOST'
}
