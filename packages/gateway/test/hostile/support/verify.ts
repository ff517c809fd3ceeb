import { expect } from 'vitest'
import { FOLLOW_UP, seenFollowUp, type HostileCase, type Seen } from '../corpus/case.ts'
import { converse } from './hostile-client.ts'
import { ECHO_HEADER, echoOf, readAll, type ObservedUpstream } from './observed-upstream.ts'
import { INCOMPLETE, readAnswers, type StrictAnswer, type StrictRequest } from './strict-parser.ts'

export interface Party {
  readonly port: number
  readonly upstream: ObservedUpstream
  readonly userAgent: string
}

/** Statuses behind which the connection is closed in any case. */
const REFUSALS: ReadonlySet<unknown> = new Set([400, 405, 408, 431, 501, 505])

/** Sends a case and holds what both observers and the client saw against it. */
export async function verify(
  each: HostileCase,
  { port, upstream, userAgent }: Party,
  pieces?: readonly number[],
): Promise<void> {
  upstream.clear()
  const { halfClose } = each
  const bytes = halfClose ? each.bytes : each.bytes + FOLLOW_UP
  const text = await converse(port, bytes, { halfClose, ...(pieces && { pieces }) })
  await settle(port, upstream)

  const expected = each.goesOn ? [...each.answers, seenFollowUp] : each.answers
  const requests = expected.filter((answer) => typeof answer !== 'number')
  expectSeen(requests, each.breaksOff, upstream, userAgent)

  const methods = expected.map((answer) => (typeof answer === 'number' ? 'GET' : answer.method))
  const answers = readAnswers(text, methods, true)
  expect(answers.fault).toBeNull()
  expect(answers.messages.map(summary)).toEqual(expected.map((answer) => expectedSummary(answer)))
  if (REFUSALS.has(expected.at(-1))) {
    expect(answers.messages.at(-1)?.headers).toContain('Connection: close')
  }
}

/**
 * Holds what both observers saw against what they must have seen.
 *
 * @param breaksOff - Beginnings of messages may have come as well.
 */
export function expectSeen(
  requests: readonly Seen[],
  breaksOff: boolean,
  upstream: ObservedUpstream,
  userAgent: string,
): void {
  const wire = requests.map((request) => asSent(request, upstream.url, userAgent))
  const { requests: parsed, faults } = readAll(upstream)
  expect(parsed.filter(isNotSentinel)).toEqual(wire)
  expect(upstream.seenByNode().filter(isNotSentinel)).toEqual(wire)
  expect(upstream.nodeFaults()).toEqual([])
  expect(faults.filter((fault) => !breaksOff || fault !== INCOMPLETE)).toEqual([])
}

const SENTINEL = '/sentinel'
const isNotSentinel = ({ target }: StrictRequest): boolean => target !== SENTINEL

/** Whatever the gateway sent on before this request is at the upstream when it is answered. */
export async function settle(port: number, upstream: ObservedUpstream): Promise<void> {
  await converse(port, FOLLOW_UP.replace('/after', SENTINEL))
  const sentinels = upstream.seenByNode().filter((request) => !isNotSentinel(request))
  expect(sentinels, 'requests behind the case').toHaveLength(1)
}

/** A request as it is on the wire, with what the gateway always adds. */
function asSent({ lines, forwardedFor, chunked, ...request }: Seen, url: string, userAgent: string): StrictRequest {
  const { method, target, body, trailers } = request
  const announcesEmpty = method === 'POST' || method === 'PUT' || method === 'PATCH'
  const headers = [`Host: ${new URL(url).host}`, ...lines]
  headers.push(`X-Forwarded-For: ${forwardedFor === null ? '' : `${forwardedFor}, `}127.0.0.1`)
  if (!lines.some((line) => line.startsWith('User-Agent:'))) headers.push(`User-Agent: ${userAgent}`)
  if (chunked) headers.push('Transfer-Encoding: chunked')
  else if (body !== '' || announcesEmpty) headers.push(`Content-Length: ${body.length}`)
  return { method, target, headers, body, trailers }
}

/** Status, and which request it answers. */
const summary = ({ status, headers }: StrictAnswer): string =>
  `${status} ${headers.find((line) => line.startsWith(`${ECHO_HEADER}: `))?.slice(ECHO_HEADER.length + 2) ?? ''}`

const expectedSummary = (answer: Seen | number): string =>
  typeof answer === 'number' ? `${answer} ` : `200 ${echoOf(answer)}`
