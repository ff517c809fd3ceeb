import type { FastifyError, FastifySchemaValidationError } from 'fastify'
import { isTimeout, ProblemError } from '../errors.ts'
import type { Log } from '../log.ts'
import { StoreUnavailableError, TooWideError } from '../store/types.ts'

export const TIMED_OUT = 'the store did not answer in time'

/**
 * What happened, in the words of `Problem`, whatever was thrown. The text of an unexpected error stays in the log, into
 * which this writes it: call it once, where the answer is made.
 */
export function toProblem(error: unknown, log: Log): ProblemError {
  if (error instanceof ProblemError) return error
  if (error instanceof StoreUnavailableError) {
    const cure = 'the page asks again by itself; look whether the store runs and what its log says'
    return new ProblemError(503, 'store_down', error.message, cure, { cause: error })
  }
  if (error instanceof TooWideError) {
    const cure = 'narrow the time range or the query'
    return new ProblemError(413, 'too_wide', error.message, cure, { cause: error })
  }
  if (isTimeout(error)) {
    const cure = 'narrow the time range or the query, or give it longer: timeout (TEK_EXPLORER_TIMEOUT)'
    return new ProblemError(504, 'timeout', TIMED_OUT, cure, { cause: error })
  }
  const { statusCode, message = '' } = error as Partial<FastifyError>
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ProblemError(statusCode, 'bad_request', message, 'see /api/v1/openapi.json', { cause: error })
  }
  log.error({ err: error, stack: error instanceof Error ? error.stack : undefined }, 'a question failed')
  return new ProblemError(500, 'internal', 'the explorer failed at this', 'its log says more', { cause: error })
}

/** What a schema refuses. Fastify's own text names neither a parameter that there is not nor the values that there are. */
export function ofValidation(errors: readonly FastifySchemaValidationError[], part: string): ProblemError {
  const [first] = errors
  const unknown = first?.params['additionalProperty']
  const allowed = errors.flatMap(({ keyword, params }) => (keyword === 'const' ? [String(params['allowedValue'])] : []))
  const name = first?.instancePath.replace(/^\//, '') ?? ''
  const message =
    typeof unknown === 'string'
      ? `there is no parameter ${unknown.slice(0, 80)}`
      : allowed.length > 0
        ? `${name} must be ${allowed.join(' or ')}`
        : `${part}${first?.instancePath ?? ''} ${first?.message ?? 'is wrong'}`
  return new ProblemError(400, 'bad_request', message, 'see /api/v1/openapi.json')
}
