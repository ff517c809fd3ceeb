/** One class per thing a caller tells apart. `code` is stable. What a store cannot do is in `store/types.ts`. */

/** The configuration holds problems; the message lists all of them. */
export class ConfigError extends Error {
  readonly code = 'EXPLORER_CONFIG'
}

/** The page cannot be served at the configured place; the message says how to choose another. */
export class ListenError extends Error {
  readonly code = 'EXPLORER_LISTEN'
}

/** What `AbortSignal.timeout` ends with. */
export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}

/** An answer with a status of 400 and above, in the words of `Problem`. */
export class ProblemError extends Error {
  readonly status: number
  readonly code: string
  readonly cure: string
  /** Of the mistake in the query line, from 0. */
  readonly position: number | undefined

  constructor(
    status: number,
    code: string,
    message: string,
    cure: string,
    options: ErrorOptions & { readonly position?: number } = {},
  ) {
    super(message, options)
    this.status = status
    this.code = code
    this.cure = cure
    this.position = options.position
  }
}
