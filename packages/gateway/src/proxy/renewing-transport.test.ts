import { expect, test } from 'vitest'
import { RenewingTransport } from './renewing-transport.ts'
import type { Exchange, ExchangeHandler, UpstreamRequest, UpstreamTransport } from './transport.ts'

test('replaces the transport when its time is over, and closes the old one', () => {
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
  const send = (): Exchange => transport.exchange({} as UpstreamRequest, {} as ExchangeHandler)
  send()
  now = 999
  send()
  now = 1000
  send()
  expect(events).toEqual(['transport 1', 'transport 1', 'transport 1 closed', 'transport 2'])
})
