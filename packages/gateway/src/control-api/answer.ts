import type { FastifyReply } from 'fastify'
import { writeWhole } from '../errors/respond.ts'

/** An answer of the control API: a JSON value, or text that is JSON already. */
export interface ControlAnswer {
  readonly status: number
  readonly json?: unknown
  readonly text?: string
}

export const statusAnswer = (status: number, message: string): ControlAnswer => ({
  status,
  json: { status: status < 400 ? 'ok' : 'error', message },
})

export type Action = 'added' | 'modified' | 'deleted' | 'updated'

export const modified = (key: string, action: Action): ControlAnswer => ({
  status: 200,
  json: { key, status: 'ok', action },
})

/**
 * JSON as Go's encoder prints it: `<`, `>`, `&` and the two line separators escaped, a line feed at the end.
 */
export function goJson(value: unknown): string {
  const escaped = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${escaped}\n`
}

/** Sends past Fastify, which would write header names in lower case. */
export function send(reply: FastifyReply, answer: ControlAnswer): void {
  reply.hijack()
  writeWhole(reply.raw, answer.status, ['Content-Type', 'application/json'], answer.text ?? goJson(answer.json))
}

export function sendPlain(reply: FastifyReply, status: number, text: string): void {
  reply.hijack()
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'X-Content-Type-Options', 'nosniff']
  writeWhole(reply.raw, status, headers, text)
}
