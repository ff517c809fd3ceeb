import { describe, expect, test } from 'vitest'
import { createGatewayCount, DRL_COMMAND, type GatewayCount } from './gateway-count.ts'

const announcement = (id: string, host = 'h', tags = ''): string =>
  JSON.stringify({ HostName: host, ID: id, LoadPerSec: 12, Percentage: 0, TagHash: tags })

function fixture(processes = 1, tagHash = ''): { gateways: GatewayCount; clock: { ms: number } } {
  const clock = { ms: 1_700_000_000_000 }
  const gateways = createGatewayCount({
    now: () => clock.ms,
    announceEveryMs: 0,
    tagHash,
    processes,
    publish: () => Promise.resolve(),
  })
  return { gateways, clock }
}

describe('gateways that share limits', () => {
  test('are this one until another is heard', () => {
    const { gateways } = fixture()
    expect(gateways.current).toBe(1)
    for (const id of ['a', 'b', 'a']) gateways.hear(announcement(id))
    expect(gateways.current).toBe(2)
  })

  test('are told apart by id and host', () => {
    const { gateways } = fixture()
    for (const host of ['h1', 'h2']) gateways.hear(announcement('a', host))
    expect(gateways.current).toBe(2)
  })

  test('are forgotten four seconds after they were last heard', () => {
    const { gateways, clock } = fixture()
    gateways.hear(announcement('a'))
    clock.ms += 2000
    gateways.hear(announcement('b'))
    clock.ms += 2001
    gateways.hear(announcement('c'))
    expect(gateways.current).toBe(2)
    clock.ms += 4001
    gateways.hear(announcement('c'))
    expect(gateways.current).toBe(1)
  })

  test.each([
    ['other tags', announcement('a', 'h', 'eu')],
    ['no id', announcement('')],
    ['text that is not JSON', '{'],
    ['a list', '[]'],
    ['a number for a name', '{"ID":1}'],
  ])('are not those with %s', (_, payload) => {
    const { gateways } = fixture()
    gateways.hear(announcement('self'))
    gateways.hear(payload)
    expect(gateways.current).toBe(1)
  })

  test('are at least the processes of this one', () => {
    const { gateways } = fixture(3)
    gateways.hear(announcement('a'))
    expect(gateways.current).toBe(3)
  })
})

test('a gateway announces itself in Go’s form', async () => {
  const { promise, resolve } = Promise.withResolvers<readonly [string, string]>()
  const publish = (...sent: [string, string]): Promise<void> => Promise.resolve(resolve(sent))
  const gateways = createGatewayCount({ now: Date.now, announceEveryMs: 1, tagHash: 'euus', processes: 1, publish })
  gateways.start()
  const [command, payload] = await promise
  gateways.close()
  expect(command).toBe(DRL_COMMAND)
  expect(Object.keys(JSON.parse(payload) as object)).toEqual(['HostName', 'ID', 'LoadPerSec', 'Percentage', 'TagHash'])
  expect(JSON.parse(payload)).toMatchObject({
    ID: expect.stringMatching(/^solo-[\da-f-]{36}$/) as string,
    TagHash: 'euus',
  })
  gateways.hear(payload)
  expect(gateways.current).toBe(1)
})
