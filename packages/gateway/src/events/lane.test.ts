import { expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { createLane, MAX_WAITING_CHARS, MAX_WAITING_EVENTS, type Lane } from './lane.ts'
import type { EventHandler, GatewayEvent } from './types.ts'

const event = (Type: string): GatewayEvent => ({ Type, Meta: {}, TimeStamp: '' })

function laneOf(handle: EventHandler['handle']): { lane: Lane; busy: Set<Lane>; faults: unknown[] } {
  const busy = new Set<Lane>()
  const faults: unknown[] = []
  const lane = createLane({
    handler: { handle },
    signal: new AbortController().signal,
    onBusy: (self) => busy.add(self),
    onIdle: (self) => busy.delete(self),
    onFault: (err) => faults.push(err),
  })
  return { lane, busy, faults }
}

test('events are handled in order, and never in the turn of whoever raises them', async () => {
  const handled: string[] = []
  const { lane, busy } = laneOf(({ Type }) => void handled.push(Type))
  const names = Array.from({ length: 200 }, (_, i) => String(i))
  for (const name of names) expect(lane.push(event(name))).toBe(true)
  expect(handled).toEqual([])
  expect(busy.size).toBe(1)
  await eventually(() => expect(handled).toEqual(names))
  await eventually(() => expect(busy.size).toBe(0))
})

test('a few are handled at once, a bounded number waits, and the rest is refused', async () => {
  const waiting: (() => void)[] = []
  let handled = 0
  const { lane, busy } = laneOf(() => {
    handled++
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.push(resolve)
    return promise
  })
  for (let i = 0; i < MAX_WAITING_EVENTS; i++) lane.push(event('first'))
  expect(lane.push(event('too many'))).toBe(false)
  await eventually(() => expect(waiting).toHaveLength(8))
  for (let i = 0; i < 8; i++) expect(lane.push(event('more'))).toBe(true)
  expect(lane.push(event('too many'))).toBe(false)
  await eventually(() => {
    for (const resolve of waiting.splice(0)) resolve()
    expect(handled).toBe(MAX_WAITING_EVENTS + 8)
  })
  for (const resolve of waiting.splice(0)) resolve()
  await eventually(() => expect(busy.size).toBe(0))
})

test('what waits is bounded in characters as well, and what was handled counts no more', async () => {
  const { lane, busy } = laneOf(() => undefined)
  const large = { ...event('large'), Meta: { Key: 'x'.repeat(MAX_WAITING_CHARS / 4) } }
  for (let i = 0; i < 4; i++) expect(lane.push(large)).toBe(true)
  expect(lane.push(large)).toBe(false)
  await eventually(() => expect(busy.size).toBe(0))
  expect(lane.push(large)).toBe(true)
  await eventually(() => expect(busy.size).toBe(0))
})

test('a handler that fails is told of, and the next event comes all the same', async () => {
  const handled: string[] = []
  const { lane, busy, faults } = laneOf(({ Type }) => {
    handled.push(Type)
    if (Type === 'throws') throw new Error('thrown')
    return Type === 'rejects' ? Promise.reject(new Error('rejected')) : undefined
  })
  for (const name of ['throws', 'rejects', 'works']) lane.push(event(name))
  await eventually(() => expect(handled).toEqual(['throws', 'rejects', 'works']))
  await eventually(() => expect(busy.size).toBe(0))
  expect(faults.map(String)).toEqual(['Error: thrown', 'Error: rejected'])
})
