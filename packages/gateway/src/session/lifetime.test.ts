import { describe, expect, test } from 'vitest'
import { longestTtlSeconds, sessionTtlSeconds } from './lifetime.ts'
import { readSession } from './session.ts'

const NOW = 1000
const plain = {
  force_global_session_lifetime: false,
  global_session_lifetime: 77,
  session_lifetime_respects_key_expiration: false,
}
const api = (seconds: number, respects = false) => ({
  session_lifetime: seconds,
  session_lifetime_respects_key_expiration: respects,
})

describe('sessionTtlSeconds', () => {
  test.each<[string, Record<string, unknown>, ReturnType<typeof api> | null, Partial<typeof plain>, number]>([
    ['nothing says anything: no expiry', {}, null, {}, 0],
    [
      'the global lifetime is forced',
      { session_lifetime: 5, post_expiry_action: 'delete', expires: 2000 },
      api(9),
      { force_global_session_lifetime: true },
      77,
    ],
    ['deleted after expiry: until then', { post_expiry_action: 'delete', expires: NOW + 50 }, api(9), {}, 50],
    [
      'deleted after expiry that has passed: at once',
      { post_expiry_action: 'delete', expires: NOW - 50 },
      api(9),
      {},
      1,
    ],
    ['deleted after expiry that never comes', { post_expiry_action: 'delete', expires: 0 }, api(9), {}, 0],
    [
      'retained for a time',
      { post_expiry_action: 'retain', post_expiry_grace_period: 30, expires: NOW + 50 },
      api(9),
      {},
      80,
    ],
    [
      'retained for a time that has passed',
      { post_expiry_action: 'retain', post_expiry_grace_period: 30, expires: NOW - 50 },
      api(9),
      {},
      1,
    ],
    [
      'retained for ever',
      { post_expiry_action: 'retain', post_expiry_grace_period: -1, expires: NOW + 50 },
      api(9),
      {},
      -1,
    ],
    ['retained with grace 0 counts for nothing', { post_expiry_action: 'retain', expires: NOW + 50 }, api(9), {}, 9],
    ['the session’s own lifetime', { session_lifetime: 5 }, api(9), {}, 5],
    ['the API’s lifetime', {}, api(9), {}, 9],
    ['the lifetime, though the key lives longer', { expires: NOW + 50 }, api(9), {}, 9],
    ['respecting a later expiry', { expires: NOW + 50 }, api(9, true), {}, 50],
    [
      'respecting an earlier expiry',
      { expires: NOW + 5 },
      api(9),
      { session_lifetime_respects_key_expiration: true },
      9,
    ],
    ['respecting no expiry', { expires: 0 }, api(9, true), {}, 0],
    ['respecting the expiry -1', { expires: -1 }, api(9, true), {}, -1],
  ])('%s', (_, session, definition, config, ttl) => {
    expect(sessionTtlSeconds(readSession(session), definition, { ...plain, ...config }, NOW)).toBe(ttl)
  })
})

test('of several APIs the longest lifetime holds, and for ever before any', () => {
  expect(longestTtlSeconds(readSession({}), [api(5), api(9)], plain, NOW)).toBe(9)
  expect(longestTtlSeconds(readSession({ expires: -1 }), [api(5, true), api(9)], plain, NOW)).toBe(-1)
  expect(longestTtlSeconds(readSession({ session_lifetime: 4 }), [], plain, NOW)).toBe(4)
})
