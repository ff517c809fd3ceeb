/** What an upstream may answer: the client gets it whole, or knows that it did not; nothing of it answers the next one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { keylessApi } from '../support/api.ts'
import { answerCases } from './corpus/answers.ts'
import { FOLLOW_UP, HOST } from './corpus/case.ts'
import { converse } from './support/hostile-client.ts'
import { AFTER_BODY, startScriptedUpstream, type ScriptedUpstream } from './support/scripted-upstream.ts'
import { INCOMPLETE, readAnswers, type Reading, type StrictAnswer } from './support/strict-parser.ts'

/** Above this, an answer is not sent byte by byte. */
const SMALL_BYTES = 2_000
/** What the gateway adds to every answer. */
const ADDED = /^(?:Date|X-Ratelimit-\w+|Transfer-Encoding): /

const own = (answer: StrictAnswer | undefined): unknown =>
  answer && { ...answer, headers: undefined, lines: answer.headers.filter((line) => !ADDED.test(line)) }

const bodyBehind = (answers: Reading<StrictAnswer>): string | undefined => {
  expect(answers.fault).toBeNull()
  return answers.messages.at(-1)?.body
}

describe.each([
  ['direct', 'at once'],
  ['direct', 'byte by byte'],
  ['http-proxy', 'at once'],
] as const)('on the lane %s, an answer that comes %s', (lane, pace) => {
  let upstream: ScriptedUpstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startScriptedUpstream()
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: { enable_analytics: false, upstream_transport: lane },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  const byteByByte = pace === 'byte by byte'
  const played = byteByByte
    ? answerCases.filter(({ bytes, atOnce }) => !atOnce && bytes.length <= SMALL_BYTES)
    : answerCases
  test.each(played.map((each) => [each.name, each] as const))('%s', async (_, each) => {
    const { bytes, ends, method, client, reused } = each
    upstream.script({ bytes, ends, byteByByte })
    const request = `${method} /x HTTP/1.1\r\n${HOST}\r\n`
    const text = await converse(gateway.port, request + FOLLOW_UP)
    const answers = readAnswers(text, [method, 'GET'], true)
    if (client === null) {
      expect(answers.messages).toEqual([])
      expect([null, INCOMPLETE]).toContain(answers.fault)
      expect(text).not.toContain(AFTER_BODY)
      expect(bodyBehind(readAnswers(await converse(gateway.port, FOLLOW_UP), ['GET'], true))).toBe(AFTER_BODY)
    } else {
      expect(own(answers.messages[0])).toEqual(client)
      expect(bodyBehind(answers)).toBe(AFTER_BODY)
      expect(answers.messages).toHaveLength(2)
    }
    const requests = upstream.requests()
    const after = requests.at(-1)
    expect(after?.target).toBe('/after')
    expect(after?.connection === requests.at(-2)?.connection).toBe(reused)
  })

  test.each([
    ['an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'],
    ['half an answer', 'HTTP/1.1 200 OK\r\nContent-'],
    ['408, as some servers do before they close', 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'],
    ['a line end', '\r\n'],
  ])('and then %s on the idle connection ends that connection, and answers nothing', async (_, unsolicited) => {
    upstream.script({ bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' })
    await converse(gateway.port, `GET /x HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    const [idle] = [...upstream.open].slice(-1)
    idle?.write(unsolicited)
    await eventually(() => expect(upstream.open.has(idle as never)).toBe(false))
    expect(bodyBehind(readAnswers(await converse(gateway.port, FOLLOW_UP), ['GET'], true))).toBe(AFTER_BODY)
  })

  test.each(['HEAD', 'GET'])(
    'and announces a body that it does not have (%s) leaves a connection that is used again',
    async (method) => {
      upstream.script({
        bytes: `HTTP/1.1 ${method === 'HEAD' ? '200 OK' : '304 Not Modified'}\r\nContent-Length: 5\r\n\r\n`,
      })
      await converse(gateway.port, `${method} /x HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
      await eventually(async () => {
        // Two at once: one alone is sent on the connection that was used last, which may be another.
        await Promise.all([converse(gateway.port, FOLLOW_UP), converse(gateway.port, FOLLOW_UP)])
        const [first, ...later] = upstream.requests()
        expect(later.map(({ connection }) => connection)).toContain(first?.connection)
      })
    },
  )

  test('the gateway is still the same process, and logged no failure of its own', () => {
    expect(gateway.program.output()).not.toMatch(/inside the gateway|TypeError|RangeError/)
  })
})
