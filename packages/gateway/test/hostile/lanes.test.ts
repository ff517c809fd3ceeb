/**
 * Both lanes give a client the same bytes for the same answer of the upstream in one piece, a faulty one too. TEK_MUTATIONS sets
 * how many answers, TEK_MUTATION_SEED which.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { keylessApi } from '../support/api.ts'
import { FOLLOW_UP, HOST } from './corpus/case.ts'
import { converse } from './support/hostile-client.ts'
import { createRandom, type Random } from './support/mutate.ts'
import { randomAnswer, randomFaultyAnswer, type RandomAnswer } from './support/random-answer.ts'
import { startScriptedUpstream, type ScriptedUpstream } from './support/scripted-upstream.ts'

const COUNT = Math.ceil(Number(process.env['TEK_MUTATIONS'] ?? 2_000) / 2)
const SEED = Number(process.env['TEK_MUTATION_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const TIMEOUT_MS = 60_000 + COUNT * 50

interface Lane {
  readonly upstream: ScriptedUpstream
  readonly gateway: Gateway
}

async function openLane(upstream_transport: string): Promise<Lane> {
  const upstream = await startScriptedUpstream()
  const gateway = await startGateway({
    apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
    conf: { enable_analytics: false, upstream_transport },
  })
  return { upstream, gateway }
}

let lanes: Lane[] = []
beforeAll(async () => {
  lanes = await Promise.all(['direct', 'http-proxy'].map(openLane))
})
afterAll(async () => {
  for (const { upstream, gateway } of lanes) {
    await gateway.stop()
    await upstream[Symbol.asyncDispose]()
  }
})

/**
 * All that a client gets for a request and for one more behind it; the day and time of the answers are not compared. The
 * request has no body and may be sent again, or the end of a kept connection could come in between.
 */
async function heard({ upstream, gateway }: Lane, { request, bytes, ends }: RandomAnswer): Promise<string> {
  upstream.script({ bytes, ends })
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
  const text = await converse(gateway.port, `${method} /x HTTP/1.1\r\n${HOST}\r\n${FOLLOW_UP}`)
  return text.replace(/^Date: .*$/gm, 'Date: -')
}

test.each([
  ['valid', randomAnswer],
  ['faulty', randomFaultyAnswer],
] as const)(
  `${COUNT} %s answers of seed ${SEED} are the same on both lanes`,
  async (_, make: (random: Random) => RandomAnswer) => {
    const random = createRandom(SEED)
    for (let i = 0; i < COUNT; i++) {
      const answer = make(random)
      const [direct, other] = await Promise.all(lanes.map((lane) => heard(lane, answer)))
      expect(direct, `answer ${i} of seed ${SEED}: ${JSON.stringify(answer)}`).toBe(other)
    }
    for (const { gateway } of lanes) expect(gateway.program.output()).not.toMatch(/inside the gateway|uncaught/i)
  },
  TIMEOUT_MS,
)
