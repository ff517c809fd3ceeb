/**
 * Requests with chance mistakes. TEK_MUTATIONS sets how many, TEK_MUTATION_SEED which.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { keylessApi } from '../support/api.ts'
import { FOLLOW_UP } from './corpus/case.ts'
import { converse } from './support/hostile-client.ts'
import { createRandom, mutant } from './support/mutate.ts'
import {
  ECHO_HEADER,
  echoOf,
  readAll,
  startObservedUpstream,
  type ObservedUpstream,
} from './support/observed-upstream.ts'
import { INCOMPLETE, readAnswers, readRequests, type StrictAnswer } from './support/strict-parser.ts'
import { AS_A_SERVER } from './support/tolerances.ts'

const COUNT = Number(process.env['TEK_MUTATIONS'] ?? 2_000)
const SEED = Number(process.env['TEK_MUTATION_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const TIMEOUT_MS = 60_000 + COUNT * 50

/** Brings a body that is too short, or a chunk, to its end; it begins no request. */
const FILLER = '\x01'.repeat(2_000)

/** Answers of the gateway's own; 500 would be a failure. */
const OWN = new Set([301, 400, 404, 405, 431, 501, 505])
const LAST = new Set([400, 405, 431, 501, 505])

const echoIn = ({ headers }: StrictAnswer): string | null =>
  headers.find((line) => line.startsWith(`${ECHO_HEADER}: `))?.slice(ECHO_HEADER.length + 2) ?? null

async function judge(bytes: string, port: number, upstream: ObservedUpstream): Promise<void> {
  upstream.clear()
  const sent = bytes + FOLLOW_UP + FILLER
  const meant = readRequests(sent, AS_A_SERVER)
  const text = await converse(port, sent, { halfClose: meant.fault === INCOMPLETE })
  const { requests, faults } = readAll(upstream)
  const seen = upstream.seenByNode()
  // Both observers read the same, and nothing but beginnings otherwise.
  expect(upstream.nodeFaults()).toEqual([])
  expect(faults.filter((fault) => fault !== INCOMPLETE)).toEqual([])
  expect(seen.map(echoOf).toSorted()).toEqual(requests.map(echoOf).toSorted())
  // One answer each, in their order, and none behind a refusal.
  const answers = readAnswers(text, [], true)
  expect(answers.fault).toBeNull()
  const echoes = answers.messages.map(echoIn)
  expect(echoes.filter((echo) => echo !== null)).toEqual(seen.map(echoOf))
  for (const [i, { status }] of answers.messages.entries()) {
    if (echoes[i] !== null) continue
    expect(OWN).toContain(status)
    if (LAST.has(status)) expect(i).toBe(answers.messages.length - 1)
  }
  // Every request that was sent on is one that the client meant.
  let at = 0
  for (const [i, echo] of echoes.entries()) {
    if (echo === null) continue
    const { method, body } = meant.messages[i] ?? { method: 'none', body: meant.fault }
    expect({ method: seen[at]?.method, body: seen[at]?.body }).toEqual({ method, body })
    at++
  }
}

describe.each(['direct', 'http-proxy'])('on the lane %s', (lane) => {
  let upstream: ObservedUpstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startObservedUpstream()
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: { enable_analytics: false, upstream_transport: lane, http_server_options: { enable_websockets: true } },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  const count = Math.ceil(COUNT / 2)
  test(
    `${count} mutants of seed ${SEED} are refused, or mean to the upstream what they meant`,
    async () => {
      const random = createRandom(SEED + lane.length)
      for (let i = 0; i < count; i++) {
        const bytes = mutant(random)
        try {
          await judge(bytes, gateway.port, upstream)
        } catch (err) {
          throw new Error(`mutant ${i} of seed ${SEED}: ${JSON.stringify(bytes)}: ${(err as Error).message}`, {
            cause: err,
          })
        }
      }
      expect(gateway.program.output()).not.toMatch(/inside the gateway|Error:/)
    },
    TIMEOUT_MS,
  )
})
