import type { FastifyReply } from 'fastify'
import type { Problem } from '../api/schema.ts'
import type { ProblemError } from '../errors.ts'

export function sendProblem(reply: FastifyReply, problem: ProblemError): FastifyReply {
  const body: Problem = {
    code: problem.code,
    message: problem.message,
    cure: problem.cure,
    ...(problem.position !== undefined && { position: problem.position }),
  }
  return reply.code(problem.status).type('application/json; charset=utf-8').send(JSON.stringify(body))
}
