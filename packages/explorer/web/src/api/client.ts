import type { Problem } from './types.ts'

/** An answer with status 400 and above, or none at all (`unreachable`). */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly problem: Problem
  readonly status: number

  constructor(problem: Problem, status: number) {
    super(problem.message)
    this.problem = problem
    this.status = status
  }
}

const UNREACHABLE: Problem = {
  code: 'unreachable',
  message: 'The explorer does not answer.',
  cure: 'Look whether its process still runs.',
}

type Ask = Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> }

/** Sends a request below `/api/v1`. Throws an `ApiError`, or the signal's reason. */
export async function send(path: string, init: Ask = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, { ...init, headers: { accept: 'application/json', ...init.headers } })
  } catch (error) {
    if (init.signal?.aborted === true) throw error
    throw new ApiError(UNREACHABLE, 0)
  }
  if (response.ok) return response
  throw new ApiError(await problemOf(response), response.status)
}

async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null)
  if (typeof body === 'object' && body !== null && 'message' in body && 'code' in body) {
    return body as Problem
  }
  return {
    code: `http_${response.status}`,
    message: `The explorer answered ${response.status} ${response.statusText}`.trim(),
    cure: 'Its log says why.',
  }
}

interface Flight {
  readonly answer: Promise<unknown>
  readonly controller: AbortController
  users: number
}

const inFlight = new Map<string, Flight>()

/** Gets JSON. The same question in flight is asked once; it is cancelled when nobody waits for it any more. */
export async function getJson<T>(path: string, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const flight = inFlight.get(path) ?? takeOff(path)
  flight.users++
  const leave = (): void => {
    flight.users--
    if (flight.users === 0) {
      inFlight.delete(path)
      flight.controller.abort()
    }
  }
  const left = Promise.withResolvers<never>()
  const abort = (): void => left.reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return (await Promise.race([flight.answer, left.promise])) as T
  } finally {
    signal.removeEventListener('abort', abort)
    leave()
  }
}

function takeOff(path: string): Flight {
  const controller = new AbortController()
  const answer = send(path, { signal: controller.signal }).then((response) => response.json() as Promise<unknown>)
  // Everyone who waits has heard of it; the last one who left has not, and need not.
  answer.catch(() => {})
  const flight: Flight = { answer, controller, users: 0 }
  inFlight.set(path, flight)
  return flight
}

/** `?a=b`, without the parameters that are empty. */
export function withParameters(path: string, parameters: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(parameters)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => [key, String(value)])
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs).toString()}`
}
