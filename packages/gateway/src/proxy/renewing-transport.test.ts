import { expect, test } from 'vitest'
import { RenewingTransport } from './renewing-transport.ts'
import type { Exchange, ExchangeHandler, UpstreamRequest, UpstreamTransport } from './transport.ts'

/** Transports that live for a second, on a clock of their own. */
function renewing(): { transport: RenewingTransport; events: string[]; sendAt: (ms: number) => void } {
  const events: string[] = []
  let made = 0
  const create = (): UpstreamTransport => {
    const name = `transport ${++made}`
    return {
      exchange(): Exchange {
        events.push(name)
        return { resume: () => {}, abort: () => {} }
      },
      close: async () => void events.push(`${name} closed`),
    }
  }
  let now = 0
  const transport = new RenewingTransport(create, 1000, () => now)
  const sendAt = (ms: number): void => {
    now = ms
    transport.exchange({} as UpstreamRequest, {} as ExchangeHandler)
  }
  return { transport, events, sendAt }
}

test('replaces the transport when its time is over, and closes the old one', () => {
  const { events, sendAt } = renewing()
  for (const ms of [0, 999, 1000]) sendAt(ms)
  expect(events).toEqual(['transport 1', 'transport 1', 'transport 1 closed', 'transport 2'])
})

test('replaces nothing once it is closed', async () => {
  const { transport, events, sendAt } = renewing()
  await transport.close()
  for (const ms of [1000, 5000]) sendAt(ms)
  expect(events).toEqual(['transport 1 closed', 'transport 1', 'transport 1'])
})
