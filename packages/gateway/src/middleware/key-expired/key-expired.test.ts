import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { readSession } from '../../session/session.ts'
import { keyExpiredMiddleware } from './index.ts'

const NOW = 1_700_000_000

test.each<[string, Record<string, unknown> | null, string]>([
  [
    'no session',
    null,
    '400 Session state is missing or unset! Please make sure that auth headers are properly applied',
  ],
  ['a key that is switched off', { is_inactive: true, expires: 1 }, '403 Key is inactive, please renew'],
  ['a key that has expired', { expires: NOW - 1 }, '401 Key has expired, please renew'],
  ['a key in its last second', { expires: NOW }, 'passed'],
  ['a key without expiry', { expires: 0 }, 'passed'],
  ['a key with expiry -1', { expires: -1 }, 'passed'],
])('%s', async (_, session, outcome) => {
  const api = apiWith({ use_standard_auth: true, jwt_expires_at_validation_skew: 100 })
  const ctx = contextFor(api)
  ctx.session = session === null ? null : readSession(session)
  const steps = stepsOf(api, depsWith({ clock: { ms: NOW * 1000 + 999 } }), [keyExpiredMiddleware])
  expect(outcomeOf(await runSteps(steps, ctx))).toBe(outcome)
})

test('the leeway for tokens does not prolong other keys', async () => {
  const api = apiWith({ enable_jwt: true, jwt_expires_at_validation_skew: 100 })
  const steps = stepsOf(api, depsWith({ clock: { ms: NOW * 1000 } }), [keyExpiredMiddleware])
  const ctx = contextFor(api)
  ctx.session = readSession({ expires: NOW - 5 })
  expect(outcomeOf(await runSteps(steps, ctx))).toBe('401 Key has expired, please renew')
  ctx.session = readSession({ expires: NOW - 5, meta_data: { TykJWTSessionID: 'x' } })
  expect(outcomeOf(await runSteps(steps, ctx))).toBe('passed')
})
