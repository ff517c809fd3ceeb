import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { readSession } from '../../session/session.ts'
import { accessRightsMiddleware } from './index.ts'

const versioned = { version_data: { not_versioned: false, default_version: 'v1', versions: { v1: {}, v2: {} } } }
const DISALLOWED = '403 Access to this API has been disallowed'

test.each<[string, Record<string, unknown>, Record<string, unknown>, string, string]>([
  ['a key without any rights passes', {}, {}, '', 'passed'],
  ['a key with a right to the API passes', {}, { app: {} }, '', 'passed'],
  ['a key with rights to others only does not', {}, { other: {} }, '', DISALLOWED],
  ['without versions the list of them does not count', {}, { app: { versions: ['v9'] } }, 'v2', 'passed'],
  ['the version asked for must be listed', versioned, { app: { versions: ['v1'] } }, 'v2', DISALLOWED],
  ['a listed version passes', versioned, { app: { versions: ['v2'] } }, 'v2', 'passed'],
  ['the default version counts when none is asked for', versioned, { app: { versions: ['v1'] } }, '', 'passed'],
  [
    'falling back, the default version is enough',
    { ...versioned, definition: { fallback_to_default: true } },
    { app: { versions: ['v1'] } },
    'v9',
    'passed',
  ],
])('%s', async (_, definition, access_rights, versionName, outcome) => {
  const api = apiWith({ use_standard_auth: true, ...definition })
  const ctx = contextFor(api)
  ctx.session = readSession({ access_rights })
  ctx.versionName = versionName
  expect(outcomeOf(await runSteps(stepsOf(api, depsWith(), [accessRightsMiddleware]), ctx))).toBe(outcome)
})

test('a path that is ignored passes', async () => {
  const api = apiWith({ use_standard_auth: true })
  const ctx = contextFor(api)
  ctx.session = readSession({ access_rights: { other: {} } })
  ctx.authIgnored = true
  expect(await runSteps(stepsOf(api, depsWith(), [accessRightsMiddleware]), ctx)).toBeUndefined()
})
