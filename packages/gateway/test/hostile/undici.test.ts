/**
 * Our HTTP/1.1 client hears what undici's hears, of the same bytes in the same pieces, whatever it asked with, whatever came
 * before them on a kept connection, and also when it stops reading in between. Where one of them refuses a faulty answer, ours
 * may be the stricter one; what it accepts alone must be an answer that means one thing only. TEK_MUTATIONS sets how many
 * answers, TEK_MUTATION_SEED which.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ourClient, undiciClient, type HearingClient } from './support/hearing.ts'
import { startKeepingUpstream, type KeepingUpstream, type Told } from './support/keeping-upstream.ts'
import { createRandom, type Random } from './support/mutate.ts'
import {
  plainAnswer,
  randomAnswer,
  randomFaultyAnswer,
  randomTurns,
  SURPLUS_MARK,
  type RandomAnswer,
  type RandomTurn,
} from './support/random-answer.ts'

const COUNT = Math.ceil(Number(process.env['TEK_MUTATIONS'] ?? 2_000) / 2)
const SEQUENCES = Math.ceil(COUNT / 4)
const SEED = Number(process.env['TEK_MUTATION_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const TIMEOUT_MS = 60_000 + COUNT * 20
/** Of ours, and Go's; undici has the same here. */
const MAX_HEAD_BYTES = 10 * 1024 * 1024

let upstream: KeepingUpstream
let ours: HearingClient
/** Ours too, with a fresh connection for each answer. */
let apart: HearingClient
let undici: HearingClient

beforeAll(async () => {
  upstream = await startKeepingUpstream()
  ours = ourClient(upstream.url)
  apart = ourClient(upstream.url, { keepAlive: false })
  undici = undiciClient(upstream.url)
})
afterAll(async () => {
  await Promise.all([ours.close(), apart.close(), undici.close()])
  await upstream[Symbol.asyncDispose]()
})

/** @param report - What to know of a case that fails. */
async function attempt(number: number, judge: () => Promise<void>, report: () => object): Promise<void> {
  try {
    await judge()
  } catch (err) {
    throw new Error(`number ${number} of seed ${SEED}: ${JSON.stringify(report(), shortened)}`, { cause: err })
  }
}

/** Of bodies the beginning says what they are; number and seed make the rest again. */
const shortened = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.length > 2_000 ? `${value.slice(0, 2_000)}… (${value.length} bytes)` : value

async function forEach(
  make: (random: Random) => RandomAnswer,
  judge: (own: Told, other: Told, answer: RandomAnswer) => Promise<void> | void,
): Promise<void> {
  const random = createRandom(SEED)
  for (let i = 0; i < COUNT; i++) {
    const answer = make(random)
    let own: Told | null = null
    let other: Told | null = null
    await attempt(
      i,
      async () => {
        own = await upstream.hear(ours, answer)
        other = await upstream.hear(undici, answer)
        await judge(own, other, answer)
      },
      () => ({ answer, own, other }),
    )
  }
}

function judgeValid(own: Told, other: Told, { bytes }: RandomAnswer): void {
  expect([own.whole, own.wasAskedWhole]).toEqual([true, true])
  // undici ends the connection when a server says 100 unasked; servers do (RFC 9110, section 15.2.1).
  if (!bytes.includes('100 Continue')) expect(own).toEqual(other)
}

async function judgeFaulty(own: Told, other: Told, answer: RandomAnswer): Promise<void> {
  // undici takes a tab behind `chunked` for a part of the word, and the chunks for the body (RFC 9110, section 5.6.3).
  const bytes = answer.bytes.replace(/^(transfer-encoding:[ \t]*chunked)[ \t]*\t[ \t]*(?=\r?$)/gim, '$1')
  if (bytes !== answer.bytes) {
    const untabbed = { ...answer, bytes }
    expect(own).toEqual(await upstream.hear(apart, untabbed))
    await judgeFaulty(own, await upstream.hear(undici, untabbed), untabbed)
    return
  }
  if (own.whole && other.whole) expect(own).toEqual(other)
  // Told to be whole by ours alone: bytes that follow the end of an answer must not be a part of it.
  else if (own.whole) expect(other.body.startsWith(own.body) || own.body.startsWith(other.body)).toBe(true)
}

test(`${COUNT} valid answers of seed ${SEED} sound the same`, () => forEach(randomAnswer, judgeValid), TIMEOUT_MS)

test(
  `${COUNT} faulty answers of seed ${SEED} sound the same, or are refused`,
  () => forEach(randomFaultyAnswer, judgeFaulty),
  TIMEOUT_MS,
)

/** A head of so many bytes with its empty line. */
const headOf = (bytes: number, line: string): string => {
  const rest = bytes - 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: \r\n\r\n'.length
  const whole = Math.floor(rest / line.length)
  const filler = 'y'.repeat(rest - whole * line.length)
  return `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${line.repeat(whole)}X: ${filler}\r\n\r\n`
}
const oneLine = `X-A: ${'a'.repeat(1024 * 1024)}\r\n`
const anyLine = `X-A: ${'a'.repeat(100)}\r\n`
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n'

test.each<[what: string, bytes: string, fate: 'heard' | 'refused' | 'refused by ours']>([
  ['lines of 1 MiB that fill the limit to the last byte', `${headOf(MAX_HEAD_BYTES, oneLine)}ok`, 'heard'],
  ['90,000 short lines', `${headOf(90_000 * anyLine.length, anyLine)}ok`, 'heard'],
  // undici counts names and values only.
  ['lines of 1 MiB, one byte above it', `${headOf(MAX_HEAD_BYTES + 1, oneLine)}ok`, 'refused by ours'],
  ['short lines, one byte above it', `${headOf(MAX_HEAD_BYTES + 1, anyLine)}ok`, 'refused by ours'],
  ['a reason of that length', `HTTP/1.1 200 ${'a'.repeat(MAX_HEAD_BYTES)}\r\n\r\n`, 'refused by ours'],
  ['long lines, far above it', `${headOf(MAX_HEAD_BYTES * 1.2, oneLine)}ok`, 'refused'],
  ['short lines, far above it', `${headOf(MAX_HEAD_BYTES * 1.2, anyLine)}ok`, 'refused'],
  ['a line without end', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(MAX_HEAD_BYTES * 1.2)}`, 'refused'],
  ['an interim head above it', `HTTP/1.1 103 Hints\r\n${oneLine.repeat(12)}\r\n${headOf(99, 'X: y\r\n')}ok`, 'refused'],
  ['trailers of 9 MiB', `${CHUNKED}${oneLine.repeat(9)}\r\n`, 'heard'],
  ['trailers above it', `${CHUNKED}${oneLine.repeat(12)}\r\n`, 'refused'],
])('ours takes no larger head than undici: %s', async (_, bytes, fate) => {
  const answer = plainAnswer(bytes)
  const own = await upstream.hear(ours, answer)
  const other = await upstream.hear(undici, answer)
  expect([own.whole, other.whole]).toEqual([fate === 'heard', fate !== 'refused'])
  // Not `toEqual` with its difference of ten million bytes.
  if (fate === 'heard') expect(JSON.stringify(own) === JSON.stringify(other), 'they sound the same').toBe(true)
  else expect(upstream.isKept(ours)).toBe(false)
})

test(
  `${SEQUENCES} sequences of answers on kept connections of seed ${SEED} sound as each answer does alone`,
  async () => {
    const random = createRandom(SEED)
    for (let i = 0; i < SEQUENCES; i++) {
      const turns = randomTurns(random)
      const heard: Told[] = []
      for (const turn of turns) {
        await attempt(
          i,
          () => judgeTurn(turn, heard),
          () => ({ turns, heard }),
        )
      }
    }
  },
  TIMEOUT_MS,
)

async function judgeTurn({ answer, isValid, surplus, afterwards }: RandomTurn, heard: Told[]): Promise<void> {
  const sent = { ...answer, bytes: answer.bytes + surplus }
  const own = await upstream.hear(ours, sent)
  const other = await upstream.hear(undici, sent)
  heard.push(own, other)
  expect(own).toEqual(await upstream.hear(apart, answer))
  expect(JSON.stringify(own)).not.toContain(SURPLUS_MARK)
  if (isValid) judgeValid(own, other, answer)
  else await judgeFaulty(own, other, answer)
  if (surplus !== '') expect(upstream.isKept(ours), 'the connection is kept behind a surplus').toBe(false)
  // undici ends each connection behind HEAD.
  if (
    isValid &&
    answer.request.method !== 'HEAD' &&
    !answer.bytes.includes('100 Continue') &&
    !upstream.isKept(undici)
  ) {
    expect(upstream.isKept(ours), 'the connection is kept although it is to end').toBe(false)
  }
  if (afterwards === '') return
  await upstream.say(ours, afterwards)
  await upstream.say(undici, afterwards)
  expect(upstream.isKept(ours), 'the connection is kept on which something was said unasked').toBe(false)
}
