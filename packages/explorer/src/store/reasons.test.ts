import { describe, expect, it } from 'vitest'
import { madeBy, reasonOf } from './reasons.ts'

describe('who made an error', () => {
  it.each([
    // All of them reached the upstream, or as good as all.
    [401, 1, 1, 'upstream'],
    [500, 100, 60, 'upstream'],
    // A fast upstream, or a gateway.
    [500, 1, 0, 'unknown'],
    [500, 59, 26, 'unknown'],
    [401, 19, 0, 'unknown'],
    [401, 20, 0, 'gateway'],
    [500, 1000, 1, 'unknown'],
    // The store does not keep the time.
    [500, 0, 0, 'unknown'],
    // What a gateway never answers by itself.
    [409, 1, 0, 'upstream'],
    [502, 0, 0, 'upstream'],
    // Nobody knows this code.
    [418, 100, 0, 'unknown'],
    [418, 2, 2, 'upstream'],
  ] as const)('%i of %i with a time, %i of them at the upstream: %s', (code, timed, atUpstream, by) => {
    expect(madeBy(code, timed, atUpstream)).toBe(by)
  })
})

describe('the reason', () => {
  it.each([
    [429, 'gateway', 'rate limit exceeded'],
    [429, 'upstream', 'too many requests'],
    [429, 'unknown', 'too many requests, or by the gateway: rate limit exceeded'],
    [405, 'unknown', 'method not allowed'],
    [409, 'unknown', 'conflict'],
    [599, 'upstream', 'server error'],
    [418, 'unknown', 'client error'],
  ] as const)('of %i by %s', (code, by, reason) => {
    expect(reasonOf(code, by)).toBe(reason)
  })
})
