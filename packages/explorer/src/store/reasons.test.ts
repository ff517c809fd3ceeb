import { describe, expect, it } from 'vitest'
import { madeBy, reasonOf } from './reasons.ts'

describe('who made an error', () => {
  it.each([
    [401, 0, 'gateway'],
    [401, 3, 'upstream'],
    [409, 0, 'upstream'],
    [500, 0, 'gateway'],
    [504, 0, 'gateway'],
    [502, 0, 'upstream'],
    [500, null, 'unknown'],
  ] as const)('%i with %s ms at the upstream: %s', (code, upstreamMs, by) => {
    expect(madeBy(code, upstreamMs)).toBe(by)
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
