import { pino } from 'pino'
import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../test/support/steps.ts'
import { signToken } from '../../test/support/tokens.ts'
import { authTokenMiddleware } from '../middleware/auth-token/index.ts'
import { basicAuthMiddleware } from '../middleware/basic-auth/index.ts'
import { jwtMiddleware } from '../middleware/jwt/index.ts'

/** What a request costs shows in the log: with Redis away, each lookup leaves a line. */
function watched() {
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
  const deps = depsWith({ log, config: { hash_keys: true, hash_key_function: 'murmur64' } })
  return { deps, lookedUp: () => lines.some((line) => line.includes('session lookup failed')) }
}

const steps = [authTokenMiddleware, basicAuthMiddleware, jwtMiddleware]
const basic = (user: string): string => `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`

test.each<[string, Record<string, unknown>, (name: string) => string | Promise<string>, number]>([
  ['a key', { use_standard_auth: true }, (name) => name, 1_000_000],
  ['the name of a user', { use_basic_auth: true }, basic, 8000],
  ['a kid', { enable_jwt: true, jwt_signing_method: 'hmac' }, (kid) => signToken({ sub: 'a' }, 'x', { kid }), 8000],
])('%s of more than 4096 characters is not looked up', async (_, definition, credentialOf, length) => {
  const api = apiWith(definition)
  for (const [size, expected] of [
    [4096, true],
    [length, false],
  ] as const) {
    const { deps, lookedUp } = watched()
    const ctx = contextFor(api, { headers: ['Authorization', await credentialOf('k'.repeat(size))] })
    expect(outcomeOf(await runSteps(stepsOf(api, deps, steps), ctx))).toMatch(/^40[13] /)
    expect([size, lookedUp()]).toEqual([size, expected])
  }
})

test('a key of more than 4096 characters is none, however it is asked for', async () => {
  const { sessions } = watched().deps
  await expect(sessions.read('k'.repeat(4096), 'default')).rejects.toThrow('Redis is not reachable')
  expect(await sessions.read('k'.repeat(4097), 'default')).toBeNull()
  expect(await sessions.find('k'.repeat(4097), 'default')).toBeNull()
})
