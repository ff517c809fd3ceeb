import { describe, expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { generateKey } from '../../auth/key-format.ts'
import { readSession } from '../../session/session.ts'
import { authTokenMiddleware } from './index.ts'

describe('a key that is made of something well known', () => {
  const api = apiWith({ use_standard_auth: true })

  async function present(id: string, members: Record<string, unknown>, presented: string): Promise<string> {
    const deps = depsWith({ config: { hash_keys: true, hash_key_function: 'murmur64' } })
    const rights = { app: { api_id: 'app', versions: ['Default'] } }
    const session = readSession({ org_id: 'default', access_rights: rights, ...members })
    deps.sessions.save(generateKey('default', id, 'murmur64'), 'default', session, { ttlSeconds: 0, wasStored: false })
    const ctx = contextFor(api, { headers: ['Authorization', presented] })
    return outcomeOf(await runSteps(stepsOf(api, deps, [authTokenMiddleware]), ctx))
  }

  const whole = generateKey('default', 'ann', 'murmur64')
  test.each([
    ['a user', { basic_auth_data: { password: 'x', hash_type: 'bcrypt' } }],
    ['the subject of a token', { meta_data: { TykJWTSessionID: whole } }],
  ])('is refused when it is that of %s', async (_, members) => {
    for (const presented of ['ann', whole]) {
      expect(await present('ann', {}, presented)).toBe('passed')
      expect(await present('ann', members, presented)).toBe('403 Access to this API has been disallowed')
    }
  })
})
