import { describe, expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, stepsOf, type TestRequest } from '../../../test/support/steps.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { ChainDeps, Middleware } from '../../chain/types.ts'
import { rateLimitHeaders } from '../../limits/request-quota.ts'
import { readSession, type Session } from '../../session/session.ts'
import { rateLimitAndQuotaMiddleware } from './index.ts'

const NOW_MS = 1_700_000_000_000

interface Fixture {
  readonly ask: (
    session: Session,
    request?: TestRequest & { token?: string },
  ) => Promise<{ outcome: string; ctx: RequestContext }>
  readonly clock: { ms: number }
  readonly deps: ChainDeps
}

function fixture(definition: Record<string, unknown> = {}, config: Record<string, unknown> = {}): Fixture {
  const clock = { ms: NOW_MS }
  const deps = depsWith({ clock, config })
  const api = apiWith({ use_standard_auth: true, ...definition })
  const [step] = stepsOf(api, deps, [rateLimitAndQuotaMiddleware]) as [Middleware]
  return {
    clock,
    deps,
    async ask(session, request = {}) {
      const ctx = contextFor(api, request)
      ctx.session = session
      ctx.token = request.token ?? 'key'
      return { outcome: outcomeOf(await step(ctx)), ctx }
    },
  }
}

const LIMITED = '429 Rate Limit Exceeded'

describe('the rate of a key', () => {
  const outcomes = async (
    { ask }: Fixture,
    asked: readonly [Session, (TestRequest & { token?: string })?][],
  ): Promise<string[]> => {
    const all: string[] = []
    for (const [session, request] of asked) all.push((await ask(session, request)).outcome)
    return all
  }

  test('is counted over its requests, in one bucket for every session object of the key', async () => {
    const session = () => readSession({ rate: 2, per: 60 })
    expect(await outcomes(fixture(), [[session()], [session()], [session()]])).toEqual(['passed', 'passed', LIMITED])
  })

  test('is counted for each key apart', async () => {
    const session = readSession({ rate: 1, per: 60 })
    const asked: [Session, { token: string }][] = [
      [session, { token: 'a' }],
      [readSession({ rate: 1, per: 60 }), { token: 'b' }],
    ]
    expect(await outcomes(fixture(), asked)).toEqual(['passed', 'passed'])
  })

  test('starts anew when the key was updated', async () => {
    const session = (last_updated: string) => readSession({ rate: 1, per: 60, last_updated })
    expect(await outcomes(fixture(), [[session('1')], [session('1')], [session('2')]])).toEqual([
      'passed',
      LIMITED,
      'passed',
    ])
  })

  test.each([0, -1])('of %i is no limit', async (rate) => {
    const session = readSession({ rate, per: 60 })
    expect(await outcomes(fixture(), [[session], [session], [session]])).toEqual(['passed', 'passed', 'passed'])
  })

  test('gives way to that of the API', async () => {
    const session = readSession({ rate: 100, per: 60, access_rights: { app: { limit: { rate: 1, per: 60 } } } })
    expect(await outcomes(fixture(), [[session], [session]])).toEqual(['passed', LIMITED])
  })

  test('gives way to that of the endpoint', async () => {
    const endpoints = [{ path: '/slow', methods: [{ name: 'get', limit: { rate: 1, per: 60 } }] }]
    const session = readSession({ rate: 100, per: 60, access_rights: { app: { endpoints } } })
    const slow = { path: '/app/slow' }
    const asked: [Session, TestRequest][] = [
      [session, slow],
      [session, slow],
      [session, { ...slow, method: 'POST' }],
      [session, { path: '/app/fast' }],
    ]
    expect(await outcomes(fixture(), asked)).toEqual(['passed', LIMITED, 'passed', 'passed'])
  })

  test('is counted under a name of the metadata’s making', async () => {
    const session = (meta: string) =>
      readSession({ rate: 1, per: 60, meta_data: { rate_limit_pattern: '$tyk_meta.dev', dev: meta } })
    const asked: [Session, { token: string }][] = [
      [session('ann'), { token: 'a' }],
      [session('ann'), { token: 'b' }],
      [session('bob'), { token: 'a' }],
    ]
    expect(await outcomes(fixture(), asked)).toEqual(['passed', LIMITED, 'passed'])
  })

  test('is counted under the key itself when the name would come from a store', async () => {
    const session = () => readSession({ rate: 1, per: 60, meta_data: { rate_limit_pattern: '$secret_consul.dev' } })
    const asked: [Session, { token: string }][] = [
      [session(), { token: 'a' }],
      [session(), { token: 'b' }],
      [session(), { token: 'b' }],
    ]
    expect(await outcomes(fixture(), asked)).toEqual(['passed', 'passed', LIMITED])
  })

  test.each([{ disable_rate_limit: true }, { use_keyless: true }])('does not count with %j', (definition) => {
    const session = readSession({ rate: 1, per: 60 })
    const api = apiWith({ use_standard_auth: true, ...definition })
    for (const step of stepsOf(api, depsWith(), [rateLimitAndQuotaMiddleware])) {
      const ctx = contextFor(api)
      ctx.session = session
      expect([step(ctx), step(ctx)]).toEqual([undefined, undefined])
    }
  })

  test('is answered without a promise', () => {
    const api = apiWith({ use_standard_auth: true })
    const [step] = stepsOf(api, depsWith(), [rateLimitAndQuotaMiddleware])
    const ctx = contextFor(api)
    ctx.session = readSession({ rate: 5, per: 1 })
    expect(step?.(ctx)).toBeUndefined()
  })

  test('holds a request back and tries again when the key is throttled', async () => {
    const { ask, clock } = fixture()
    const session = readSession({ rate: 1, per: 1, throttle_interval: 0.01, throttle_retry_limit: 1000 })
    expect((await ask(session)).outcome).toBe('passed')
    const held = ask(session)
    clock.ms += 1000
    expect((await held).outcome).toBe('passed')
  })

  test('refuses a throttled request in the end', async () => {
    const { ask } = fixture()
    const session = readSession({ rate: 1, per: 60, throttle_interval: 0, throttle_retry_limit: 2 })
    await ask(session)
    expect((await ask(session)).outcome).toBe(LIMITED)
  })
})

describe('headers', () => {
  test('show the rate when asked for, on refusals too', async () => {
    const { ask } = fixture({}, { rate_limit_response_headers: 'rate_limits' })
    const session = readSession({ rate: 1, per: 60 })
    const shown = (reset: string) => [
      'X-Ratelimit-Limit',
      '1',
      'X-Ratelimit-Remaining',
      '0',
      'X-Ratelimit-Reset',
      reset,
    ]
    expect((await ask(session)).ctx.answerHeaders).toEqual(shown('1700000060'))
    const refused = await ask(session)
    expect(refused.outcome).toBe(LIMITED)
    expect(refused.ctx.answerHeaders).toEqual(shown('1700000060'))
  })

  test.each<[string, Record<string, unknown> | null, readonly number[]]>([
    ['zeros without a session', null, [0, 0, 0]],
    ['the session’s quota', { quota_max: 5, quota_remaining: 4, quota_renews: 99 }, [5, 4, 99]],
    ['the API’s quota', { quota_max: 5, access_rights: { app: { limit: { quota_max: -1 } } } }, [-1, 0, 0]],
  ])('show %s otherwise', (_, session, values) => {
    const api = apiWith({ use_standard_auth: true })
    const ctx = contextFor(api)
    ctx.session = session === null ? null : readSession(session)
    expect(rateLimitHeaders(ctx)).toEqual(values)
  })
})

test('context variables tell the rate', async () => {
  const { ask } = fixture({ enable_context_vars: true })
  const { ctx } = await ask(readSession({ rate: 3, per: 60 }))
  expect(Object.fromEntries(ctx.variables ?? [])).toEqual({
    rate_limit_limit: 3,
    rate_limit_remaining: 2,
    rate_limit_reset: 1_700_000_060,
  })
})

test('a quota is taken as exceeded while Redis is away', async () => {
  const { ask } = fixture()
  expect((await ask(readSession({ quota_max: 5, quota_renewal_rate: 60 }))).outcome).toBe('403 Quota exceeded')
})
