import { describe, expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, stepsOf, type TestRequest } from '../../../test/support/steps.ts'
import type { RequestContext } from '../../chain/context.ts'
import { apiRateLimitMiddleware } from './index.ts'

const LIMITED = '429 API Rate Limit Exceeded'
const NOW_MS = 1_700_000_000_000

interface Fixture {
  readonly isOn: boolean
  readonly ask: (request?: TestRequest) => Promise<{ outcome: string; ctx: RequestContext }>
}

function fixture(definition: Record<string, unknown>, config: Record<string, unknown> = {}): Fixture {
  const api = apiWith({ use_keyless: true, ...definition })
  const [step] = stepsOf(api, depsWith({ config, clock: { ms: NOW_MS } }), [apiRateLimitMiddleware])
  return {
    isOn: step !== undefined,
    async ask(request = {}) {
      const ctx = contextFor(api, request)
      return { outcome: outcomeOf(await step?.(ctx)), ctx }
    },
  }
}

const onEndpoints = (...entries: Record<string, unknown>[]): Record<string, unknown> => ({
  version_data: {
    not_versioned: true,
    versions: { Default: { name: 'Default', use_extended_paths: true, extended_paths: { rate_limit: entries } } },
  },
})

const outcomes = async ({ ask }: Fixture, ...paths: string[]): Promise<string[]> => {
  const all: string[] = []
  for (const path of paths) all.push((await ask({ path })).outcome)
  return all
}

describe('the rate of an API', () => {
  test('counts everybody', async () => {
    const api = fixture({ global_rate_limit: { rate: 2, per: 60 } })
    expect(await outcomes(api, '/app/a', '/app/b', '/app/c')).toEqual(['passed', 'passed', LIMITED])
  })

  test.each<[string, Record<string, unknown>]>([
    ['without a rate', {}],
    ['with rate 0', { global_rate_limit: { rate: 0, per: 1 } }],
    ['with a negative rate', { global_rate_limit: { rate: -1, per: 1 } }],
    ['when it is disabled', { global_rate_limit: { rate: 1, per: 60, disabled: true } }],
    ['with disable_rate_limit', { global_rate_limit: { rate: 1, per: 60 }, disable_rate_limit: true }],
    ['with endpoints that say nothing', onEndpoints({ path: '/a', method: 'GET', rate: 0, per: 1 })],
    ['with endpoints without a period', onEndpoints({ path: '/a', method: 'GET', rate: 1, per: 0 })],
    ['with disabled endpoints', onEndpoints({ path: '/a', method: 'GET', rate: 1, per: 1, disabled: true })],
  ])('is off %s', (_, definition) => {
    expect(fixture(definition).isOn).toBe(false)
  })

  test('gives way to that of the first endpoint that fits method and path', async () => {
    const api = fixture({
      global_rate_limit: { rate: 3, per: 60 },
      ...onEndpoints(
        { path: '/slow', method: 'POST', rate: 50, per: 60 },
        { path: '/slow', method: 'GET', rate: 1, per: 60 },
      ),
    })
    expect(await outcomes(api, '/app/slow', '/app/slow', '/app/x', '/app/x', '/app/x', '/app/x')).toEqual([
      'passed',
      LIMITED,
      'passed',
      'passed',
      'passed',
      LIMITED,
    ])
  })

  test('gives way to an endpoint without a limit', async () => {
    const endpoint = { path: '/free', method: 'GET', rate: -1, per: 1 }
    const api = fixture({ global_rate_limit: { rate: 1, per: 60 }, ...onEndpoints(endpoint) })
    expect(await outcomes(api, '/app/free', '/app/free', '/app/x', '/app/x')).toEqual([
      'passed',
      'passed',
      'passed',
      LIMITED,
    ])
  })

  test('stands for endpoints alone', async () => {
    const api = fixture(onEndpoints({ path: '/slow', method: 'GET', rate: 1, per: 60 }))
    expect(await outcomes(api, '/app/x', '/app/x', '/app/slow', '/app/slow')).toEqual([
      'passed',
      'passed',
      'passed',
      LIMITED,
    ])
  })

  test('is shown when asked for and nothing was shown before', async () => {
    const { ask } = fixture({ global_rate_limit: { rate: 2, per: 60 } }, { rate_limit_response_headers: 'rate_limits' })
    const shown = ['X-Ratelimit-Limit', '2', 'X-Ratelimit-Remaining', '1', 'X-Ratelimit-Reset', '1700000060']
    expect((await ask()).ctx.answerHeaders).toEqual(shown)
  })

  test('is not shown otherwise', async () => {
    const { ask } = fixture({ global_rate_limit: { rate: 2, per: 60 } })
    expect((await ask()).ctx.answerHeaders).toEqual([])
  })

  test('allows a request that a window in Redis cannot count', async () => {
    const config = { enable_fixed_window_rate_limiter: true }
    const api = fixture({ global_rate_limit: { rate: 1, per: 60 } }, config)
    expect(await outcomes(api, '/app/a', '/app/b')).toEqual(['passed', 'passed'])
  })
})
