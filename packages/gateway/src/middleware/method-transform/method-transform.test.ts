import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { methodTransformMiddleware } from './index.ts'

const withEntries = (method_transforms: Record<string, unknown>[]) =>
  apiWith({
    version_data: {
      not_versioned: true,
      versions: { Default: { use_extended_paths: true, extended_paths: { method_transforms } } },
    },
  })

test.each([
  ['GET', 'POST', 'passed', 'POST'],
  ['GET', 'post', 'passed', 'POST'],
  ['GET', 'BREW', '405 Method not allowed', null],
  ['POST', 'PUT', 'passed', null],
])('%s to %s', async (method, to_method, outcome, upstreamMethod) => {
  const api = withEntries([{ path: '/x', method: 'GET', to_method }])
  const ctx = contextFor(api, { method })
  const answer = await runSteps(stepsOf(api, depsWith(), [methodTransformMiddleware]), ctx)
  expect([outcomeOf(answer), ctx.upstreamMethod, ctx.method]).toEqual([outcome, upstreamMethod, method])
})

test('without entries there is no step', () => {
  const off = withEntries([{ path: '/x', method: 'GET', to_method: 'PUT', disabled: true }])
  expect(stepsOf(off, depsWith(), [methodTransformMiddleware])).toEqual([])
})
