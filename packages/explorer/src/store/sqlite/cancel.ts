/** The question was given up by the one who asked. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError'
}

/** Throws when nobody waits for the answer any more. Called between pieces of work of some ten milliseconds. */
export type CheckCancelled = () => void

export function cancelCheck(flag: Int32Array): CheckCancelled {
  return () => {
    if (Atomics.load(flag, 0) !== 0) throw new CancelledError('the question was given up')
  }
}
