import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../errors.ts'

/**
 * For what changes something: a page of another site could make a browser send it with the credentials it has stored. Browsers
 * name the page that asks in `Origin`, also on their own site; a body of type JSON, which the route asks for, is not sent to
 * other sites without their consent.
 */
export async function refuseOtherOrigins(request: FastifyRequest): Promise<void> {
  const { origin, host = '' } = request.headers
  if (origin === undefined || URL.parse(origin)?.host === host.toLowerCase()) return
  throw new ProblemError(403, 'forbidden', 'only the page of the explorer itself may ask for this', 'use the page')
}
