import { describe, expect, it } from 'vitest'
import { StoreHealth } from './store-health.ts'

function at(startMs: number) {
  const clock = { ms: startMs }
  return { clock, health: new StoreHealth(() => clock.ms) }
}

describe('the health of the store', () => {
  it('is well before anything was asked', () => {
    expect(at(0).health.report()).toEqual({ state: 'ok', error: null, sinceMs: null })
  })

  it('is down since the first failure, with the error of the last', () => {
    const { clock, health } = at(1000)
    health.failed('refused')
    clock.ms = 5000
    health.failed('still refused')
    expect(health.report()).toEqual({ state: 'down', error: 'still refused', sinceMs: 1000 })
  })

  it('recovers alone', () => {
    const { health } = at(1000)
    health.failed('refused')
    health.reached()
    expect(health.report().state).toBe('ok')
  })

  it('is degraded after a part of the truth, until a whole answer', () => {
    const { clock, health } = at(1000)
    health.answered('1 of 2 shards did not answer')
    clock.ms = 3000
    health.answered('1 of 2 shards did not answer')
    expect(health.report()).toEqual({ state: 'degraded', error: '1 of 2 shards did not answer', sinceMs: 1000 })
    // A small question that it answers says nothing about views.
    health.reached()
    expect(health.report().state).toBe('degraded')
    health.answered(null)
    expect(health.report().state).toBe('ok')
  })

  it('forgets a part of the truth of which nobody asked any more', () => {
    const { clock, health } = at(1000)
    health.answered('late')
    clock.ms = 100_000
    expect(health.report().state).toBe('ok')
  })

  it('is down rather than degraded', () => {
    const { health } = at(1000)
    health.answered('late')
    health.failed('refused')
    expect(health.report().state).toBe('down')
  })
})
