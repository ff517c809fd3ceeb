import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { versionHeaderMiddleware } from './index.ts'

const versioned = { version_data: { not_versioned: false, default_version: 'v2', versions: { v2: {} } } }
const deps = depsWith({ config: { version_header: 'x-served-version' } })

test.each([
  ['', ['X-Served-Version', 'v2']],
  ['v2', []],
])('asked for %j', async (versionName, headers) => {
  const api = apiWith(versioned)
  const ctx = Object.assign(contextFor(api), { versionName })
  await runSteps(stepsOf(api, deps, [versionHeaderMiddleware]), ctx)
  expect(ctx.answerHeaders).toEqual(headers)
})

test('there is no step without a header name or without versions', () => {
  expect(stepsOf(apiWith(versioned), depsWith(), [versionHeaderMiddleware])).toEqual([])
  expect(stepsOf(apiWith({}), deps, [versionHeaderMiddleware])).toEqual([])
})
