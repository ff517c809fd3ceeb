import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { requestSizeLimitMiddleware } from './index.ts'

const REQUIRED = '411 Content length is required for this request'
const TOO_LARGE = '400 Request is too large'

const withVersion = (version: Record<string, unknown>) =>
  apiWith({ version_data: { not_versioned: true, versions: { Default: { use_extended_paths: true, ...version } } } })

const endpoint = { extended_paths: { size_limits: [{ path: '/x', method: 'POST', size_limit: 5 }] } }

test.each<[string, Record<string, unknown>, string, string | null, string]>([
  ['equal to the limit', { global_size_limit: 10 }, 'POST', '10', 'passed'],
  ['above the limit', { global_size_limit: 10 }, 'POST', '11', TOO_LARGE],
  ['of unknown length', { global_size_limit: 10 }, 'POST', null, REQUIRED],
  ['of a length that is none', { global_size_limit: 10 }, 'POST', '1x', '400 content length is not a valid Integer'],
  ['of a method without body', { global_size_limit: 10 }, 'DELETE', '11', 'passed'],
  ['above the endpoint’s limit', endpoint, 'POST', '6', TOO_LARGE],
  ['of another method', endpoint, 'PUT', '6', 'passed'],
  ['above the whole limit at an endpoint', { ...endpoint, global_size_limit: 3 }, 'POST', '4', TOO_LARGE],
  [
    'above a limit that is off, at an endpoint',
    { ...endpoint, global_size_limit: 3, global_size_limit_disabled: true },
    'POST',
    '4',
    TOO_LARGE,
  ],
])('a body %s', async (_, version, method, length, outcome) => {
  const api = withVersion(version)
  const ctx = contextFor(api, { method, headers: length === null ? [] : ['Content-Length', length] })
  expect(outcomeOf(await runSteps(stepsOf(api, depsWith(), [requestSizeLimitMiddleware]), ctx))).toBe(outcome)
})

test.each([{}, { global_size_limit: -1 }, { global_size_limit: 3, global_size_limit_disabled: true }])(
  'with %j there is no step',
  (version) => {
    expect(stepsOf(withVersion(version), depsWith(), [requestSizeLimitMiddleware])).toEqual([])
  },
)
