import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { trackEndpointMiddleware } from './index.ts'

const ON = depsWith({ config: { enable_analytics: true } })

const withPaths = (extended_paths: Record<string, unknown>, definition: Record<string, unknown> = {}) =>
  apiWith({
    version_data: { not_versioned: true, versions: { Default: { use_extended_paths: true, extended_paths } } },
    ...definition,
  })

const PATHS = {
  track_endpoints: [{ path: '/users/{id}', method: 'GET' }],
  do_not_track_endpoints: [{ path: '/quiet', method: 'GET' }],
}

test.each([
  ['/app/users/7', '/users/{id}', false],
  ['/app/quiet', null, true],
  ['/app/users/quiet', '/users/{id}', true],
  ['/app/other', null, false],
])('%s', async (path, trackedPath, doNotTrack) => {
  const api = withPaths({ ...PATHS, do_not_track_endpoints: [{ path: 'quiet', method: 'GET' }] })
  const ctx = contextFor(api, { path })
  await runSteps(stepsOf(api, ON, [trackEndpointMiddleware]), ctx)
  expect([ctx.trackedPath, ctx.doNotTrack]).toEqual([trackedPath, doNotTrack])
})

test('there is no step without entries, without analytics, or for an API that leaves no records', () => {
  expect(stepsOf(withPaths({}), ON, [trackEndpointMiddleware])).toEqual([])
  expect(stepsOf(withPaths(PATHS, { do_not_track: true }), ON, [trackEndpointMiddleware])).toEqual([])
  const off = depsWith({ config: { enable_analytics: false } })
  expect(stepsOf(withPaths(PATHS), off, [trackEndpointMiddleware])).toEqual([])
})
