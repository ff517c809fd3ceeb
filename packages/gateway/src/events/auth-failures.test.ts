import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../test/support/steps.ts'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { MiddlewareDefinition } from '../chain/types.ts'
import { authTokenMiddleware } from '../middleware/auth-token/index.ts'
import { basicAuthMiddleware } from '../middleware/basic-auth/index.ts'
import { httpSignatureMiddleware } from '../middleware/http-signature/index.ts'
import { jwtMiddleware } from '../middleware/jwt/index.ts'
import { openidMiddleware } from '../middleware/openid/index.ts'

const SECRET = 'a secret that is long enough for hmac'

const encoded = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url')
function token(claims: object, alg = 'HS256'): string {
  const text = `${encoded({ alg, typ: 'JWT' })}.${encoded(claims)}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

const AUTH_TOKEN = { use_standard_auth: true }
const BASIC = { use_basic_auth: true }
const SIGNATURE = { enable_signature_checking: true }
const JWT = {
  enable_jwt: true,
  jwt_signing_method: 'hmac',
  jwt_source: Buffer.from(SECRET).toString('base64'),
  jwt_policy_field_name: 'pol',
}
const OPENID = { use_openid: true, openid_options: { providers: [] } }
const BAD_USER = `Basic ${Buffer.from('user:wrong').toString('base64')}`
const date = new Date().toUTCString()
const signed = `Signature keyId="my-key",algorithm="hmac-sha256",signature="x"`

/** What is told as the key; null: nobody is told anything. */
test.each<[name: string, MiddlewareDefinition, definition: object, credential: string, key: string | null]>([
  ['a key that is unknown', authTokenMiddleware, AUTH_TOKEN, 'Bearer my-key', 'my-key'],
  ['no key', authTokenMiddleware, AUTH_TOKEN, '', null],
  ['a wrong password', basicAuthMiddleware, BASIC, BAD_USER, BAD_USER],
  ['no password', basicAuthMiddleware, BASIC, '', null],
  ['a malformed header', basicAuthMiddleware, BASIC, 'Basic', null],
  ['an unknown key with a signature', httpSignatureMiddleware, SIGNATURE, signed, 'my-key'],
  ['no signature', httpSignatureMiddleware, SIGNATURE, '', ''],
  ['no token', jwtMiddleware, JWT, '', ''],
  ['a malformed token', jwtMiddleware, JWT, 'x.y.z', ''],
  ['a token of another family', jwtMiddleware, JWT, token({ sub: 'a' }, 'RS256'), ''],
  ['a token without identity', jwtMiddleware, JWT, token({}), '[NOT FOUND]'],
  ['a token with an empty identity', jwtMiddleware, JWT, token({ sub: '' }), '[NOT FOUND]'],
  ['a token whose policy is unknown', jwtMiddleware, JWT, token({ sub: 'a', pol: 'none' }), ''],
  ['a token that has expired', jwtMiddleware, JWT, token({ sub: 'a', exp: 1 }), null],
  ['a token of the future', jwtMiddleware, JWT, token({ sub: 'a', nbf: 4_000_000_000 }), null],
  ['a token of an unknown issuer', openidMiddleware, OPENID, token({ sub: 'a' }), ''],
])('%s', async (_, step, definition, credential, key) => {
  const told: string[][] = []
  const events: CompiledApi['events'] = {
    wants: () => true,
    fire: (type, _ctx, givenKey, message) => void told.push([type, givenKey, message]),
  }
  const api = Object.assign(apiWith({ ...definition }), { events })
  const headers = ['Date', date, ...(credential === '' ? [] : ['Authorization', credential])]
  const outcome = outcomeOf(await runSteps(stepsOf(api, depsWith(), [step]), contextFor(api, { headers })))
  expect(outcome).toMatch(/^4\d\d /)
  expect(told).toEqual(key === null ? [] : [['AuthFailure', key, 'Auth Failure']])
})
