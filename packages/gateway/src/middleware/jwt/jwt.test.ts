import { describe, expect, test } from 'vitest'
import {
  apiWith,
  contextFor,
  depsWith,
  outcomeOf,
  runSteps,
  stepsOf,
  type TestDepsOptions,
} from '../../../test/support/steps.ts'
import { ecKeys, rsaKeys, signToken, unsignedToken } from '../../../test/support/tokens.ts'
import type { RequestContext } from '../../chain/context.ts'
import { UnusableAuthError } from '../../auth/unusable-auth-error.ts'
import { keyExpiredMiddleware } from '../key-expired/index.ts'
import { jwtMiddleware } from './index.ts'

const NOW = 1_700_000_000
const SECRET = 'conformance-hs-secret'
const SOURCE = Buffer.from(SECRET).toString('base64')

const rights = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
const policies = {
  pol1: {
    org_id: 'default',
    rate: 1000,
    per: 60,
    quota_max: -1,
    access_rights: rights,
    tags: ['pol-tag'],
    meta_data: { plan: 'gold' },
  },
  pol2: { org_id: 'default', rate: 500, per: 60, quota_max: -1, access_rights: rights },
  alien: { org_id: 'otherorg', rate: 1, per: 60, access_rights: rights },
  empty: { org_id: 'default', rate: 1, per: 1 },
  dead: { org_id: 'default', rate: 1, per: 1, access_rights: rights, partitions: { per_api: true, quota: true } },
}
const jwtApi = {
  enable_jwt: true,
  jwt_signing_method: 'hmac',
  jwt_source: SOURCE,
  jwt_identity_base_field: 'sub',
  jwt_default_policies: ['pol1'],
}

interface Outcome {
  readonly outcome: string
  readonly ctx: RequestContext
}

async function present(
  token: string | null,
  definition: Record<string, unknown> = {},
  options: TestDepsOptions = {},
): Promise<Outcome> {
  const api = apiWith({ ...jwtApi, ...definition })
  const deps = depsWith({ clock: { ms: NOW * 1000 }, policies, ...options })
  const ctx = contextFor(api, { headers: token === null ? [] : ['Authorization', token] })
  return { outcome: outcomeOf(await runSteps(stepsOf(api, deps, [jwtMiddleware]), ctx)), ctx }
}

describe('a token is refused', () => {
  test('with 400 when there is none', async () => {
    expect((await present(null)).outcome).toBe('400 Authorization field missing')
  })

  const rsa = rsaKeys()
  const p256 = ecKeys('P-256')
  const p384 = ecKeys('P-384')
  const rsaSource = { jwt_signing_method: 'rsa', jwt_source: rsa.source }
  const nested = (depth: number): Record<string, unknown> =>
    JSON.parse(`{"alg":"HS256","x":${'['.repeat(depth)}${']'.repeat(depth)}}`) as Record<string, unknown>
  const refused: [string, () => string | Promise<string>, Record<string, unknown>][] = [
    ['it is no token', () => 'not-a-token', {}],
    ['its parts are no base64url JSON', () => 'a.b.c', {}],
    ['it has two parts', async () => (await signToken({ sub: 'ann' }, SECRET)).split('.').slice(0, 2).join('.'), {}],
    ['its header is a list', () => unsignedToken([], { sub: 'ann' }), {}],
    ['its claims are a list', () => unsignedToken({ alg: 'HS256' }, []), {}],
    ['its header is huge', () => unsignedToken({ alg: 'HS256', kid: 'k'.repeat(500_000) }, { sub: 'ann' }, 'AAAA'), {}],
    ['its header is nested deeply', () => unsignedToken(nested(2000), { sub: 'ann' }, 'AAAA'), {}],
    ['its claims are huge', () => unsignedToken({ alg: 'HS256' }, { sub: 'a'.repeat(500_000) }, 'AAAA'), {}],
    ['it names no algorithm', () => unsignedToken({}, { sub: 'ann' }), {}],
    ['its algorithm is unknown', () => unsignedToken({ alg: 'HS1' }, { sub: 'ann' }), {}],
    ['its algorithm is a name of JavaScript', () => unsignedToken({ alg: 'constructor' }, { sub: 'ann' }), {}],
    ['its signature is empty', () => unsignedToken({ alg: 'HS256' }, { sub: 'ann' }), {}],
    ['its signature is that of another secret', () => signToken({ sub: 'ann' }, 'another'), {}],
    ['it is signed with the undecoded source', () => signToken({ sub: 'ann' }, SOURCE), {}],
    ['a padded copy of it is sent', async () => `${await signToken({ sub: 'ann' }, SECRET)}=`, {}],
    ['the source is no base64', () => signToken({ sub: 'ann' }, SECRET), { jwt_source: '***' }],
    [
      'the source is no key',
      () => signToken({ sub: 'ann' }, rsa.privateKey, { alg: 'RS256' }),
      { jwt_signing_method: 'rsa', jwt_source: SOURCE },
    ],
    [
      'the source is a private key',
      () => signToken({ sub: 'ann' }, rsa.privateKey, { alg: 'RS256' }),
      {
        jwt_signing_method: 'rsa',
        jwt_source: Buffer.from(rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string).toString('base64'),
      },
    ],
    [
      'its curve is not the one of the algorithm',
      () => signToken({ sub: 'ann' }, p256.privateKey, { alg: 'ES256' }),
      { jwt_signing_method: 'ecdsa', jwt_source: p384.source },
    ],
    [
      'an RSA key is configured for ECDSA',
      () => signToken({ sub: 'ann' }, p256.privateKey, { alg: 'ES256' }),
      { jwt_signing_method: 'ecdsa', jwt_source: rsa.source },
    ],
    [
      'its ECDSA signature has the wrong length',
      () => unsignedToken({ alg: 'ES256' }, { sub: 'ann' }, 'AAAA'),
      { jwt_signing_method: 'ecdsa', jwt_source: p256.source },
    ],
  ]
  test.each(refused)('with 403 when %s', async (_, token, definition) => {
    expect((await present(await token(), definition)).outcome).toBe('403 Key not authorized')
  })

  const mixed: [string, () => string | Promise<string>, Record<string, unknown>][] = [
    ['none', () => unsignedToken({ alg: 'none' }, { sub: 'ann' }), {}],
    ['none, with a signature', () => unsignedToken({ alg: 'none' }, { sub: 'ann' }, 'AAAA'), {}],
    ['none where rsa is asked for', () => unsignedToken({ alg: 'none' }, { sub: 'ann' }), rsaSource],
    ['EdDSA', () => unsignedToken({ alg: 'EdDSA' }, { sub: 'ann' }, 'AAAA'), {}],
    ['RS256 where hmac is asked for', () => signToken({ sub: 'ann' }, rsa.privateKey, { alg: 'RS256' }), {}],
    [
      'HS256 made with the public key where rsa is asked for',
      () => signToken({ sub: 'ann' }, Buffer.from(rsa.source, 'base64').toString()),
      { jwt_signing_method: 'rsa', jwt_source: rsa.source },
    ],
    [
      'RS256 where ecdsa is asked for',
      () => signToken({ sub: 'ann' }, rsa.privateKey, { alg: 'RS256' }),
      { jwt_signing_method: 'ecdsa', jwt_source: p256.source },
    ],
  ]
  test.each(mixed)('with its own message for the algorithm %s', async (_, token, definition) => {
    expect((await present(await token(), definition)).outcome).toBe('403 Key not authorized: Unexpected signing method')
  })
})

describe('an API is refused', () => {
  const rsa = rsaKeys()
  const der = rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  // A mistaken method counts as hmac: whoever knows the public key could sign tokens with it.
  test.each([undefined, 'hmac', 'RSA', 'RS256'])('when a public key would be its secret: method %s', (method) => {
    for (const source of [rsa.source, der]) {
      const api = apiWith({ ...jwtApi, jwt_signing_method: method, jwt_source: source })
      expect(() => stepsOf(api, depsWith(), [jwtMiddleware])).toThrow(UnusableAuthError)
    }
  })
})

describe('a token passes', () => {
  const rsa = rsaKeys()
  test.each(['HS256', 'HS384', 'HS512'])('with %s and a secret', async (alg) => {
    const { outcome, ctx } = await present(`Bearer ${await signToken({ sub: 'ann' }, SECRET, { alg })}`)
    expect(outcome).toBe('passed')
    expect(ctx.session?.alias).toBe('ann')
  })

  test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])('with %s and an RSA key', async (alg) => {
    const token = await signToken({ sub: 'ann' }, rsa.privateKey, { alg })
    expect((await present(token, { jwt_signing_method: 'rsa', jwt_source: rsa.source })).outcome).toBe('passed')
  })

  test('with a public key in DER', async () => {
    const source = rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
    const token = await signToken({ sub: 'ann' }, rsa.privateKey, { alg: 'RS256' })
    expect((await present(token, { jwt_signing_method: 'rsa', jwt_source: source })).outcome).toBe('passed')
  })

  test.each([
    ['ES256', 'P-256'],
    ['ES384', 'P-384'],
    ['ES512', 'P-521'],
  ])('with %s and a key on %s', async (alg, curve) => {
    const keys = ecKeys(curve)
    const token = await signToken({ sub: 'ann' }, keys.privateKey, { alg })
    expect((await present(token, { jwt_signing_method: 'ecdsa', jwt_source: keys.source })).outcome).toBe('passed')
  })

  test('with the secret foo of the walkthrough, into the session of its identity', async () => {
    const token =
      'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJmb29AYmFyLmNvbSIsIm5hbWUiOiJBaG1ldCBTb29ybWFsbHkiLCJpYXQiOjE1MTYyMzkwMjJ9.8E-X89YnHe6m_jV4Lmyy487VnkCpzuYlsLDceCz4ScU'
    const { outcome, ctx } = await present(token, { jwt_source: 'Zm9v' })
    expect(outcome).toBe('passed')
    expect(ctx.token).toBe('defaultf3ada405ce890b6f8204094deb12d8a8')
    expect(ctx.session?.tags).toEqual(['pol-tag'])
    expect(ctx.session?.meta_data).toEqual({ plan: 'gold', TykJWTSessionID: ctx.token })
  })

  test('on a path that is ignored, without being looked at', async () => {
    const api = apiWith(jwtApi)
    const ctx = contextFor(api)
    ctx.authIgnored = true
    expect(await runSteps(stepsOf(api, depsWith({ policies }), [jwtMiddleware]), ctx)).toBeUndefined()
    expect(ctx.session).toBeNull()
  })
})

describe('time claims', () => {
  const EXPIRED = '401 Key not authorized: token has expired'
  const EARLY = '401 Key not authorized: token used before issued'
  const NOT_YET = '401 Key not authorized: token is not valid yet'
  const skewed = {
    jwt_expires_at_validation_skew: 10,
    jwt_issued_at_validation_skew: 10,
    jwt_not_before_validation_skew: 10,
  }
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['exp to come', { exp: NOW + 1 }, {}, 'passed'],
    ['exp now', { exp: NOW }, {}, EXPIRED],
    ['exp within the skew', { exp: NOW - 9 }, skewed, 'passed'],
    ['exp at the end of the skew', { exp: NOW - 10 }, skewed, EXPIRED],
    ['exp with a fraction', { exp: NOW + 0.9 }, {}, EXPIRED],
    ['exp 0', { exp: 0 }, {}, 'passed'],
    ['exp as text', { exp: '4000000000' }, {}, EXPIRED],
    ['exp null', { exp: null }, {}, EXPIRED],
    ['iat now', { iat: NOW }, {}, 'passed'],
    ['iat to come', { iat: NOW + 1 }, {}, EARLY],
    ['iat within the skew', { iat: NOW + 10 }, skewed, 'passed'],
    ['iat as text', { iat: '1500000000' }, {}, EARLY],
    ['nbf now', { nbf: NOW }, {}, 'passed'],
    ['nbf to come', { nbf: NOW + 1 }, {}, NOT_YET],
    ['nbf within the skew', { nbf: NOW + 10 }, skewed, 'passed'],
    ['exp and iat wrong', { exp: 1, iat: NOW + 1 }, {}, EARLY],
    ['all wrong', { exp: 1, iat: NOW + 1, nbf: NOW + 1 }, {}, NOT_YET],
  ])('%s', async (_, claims, definition, outcome) => {
    expect((await present(await signToken({ sub: 'ann', ...claims }, SECRET), definition)).outcome).toBe(outcome)
  })

  test('are compared again for a token that is remembered', async () => {
    const api = apiWith(jwtApi)
    const clock = { ms: NOW * 1000 }
    const steps = stepsOf(api, depsWith({ clock, policies }), [jwtMiddleware])
    const headers = ['Authorization', await signToken({ sub: 'ann', exp: NOW + 5 }, SECRET)]
    expect(outcomeOf(await runSteps(steps, contextFor(api, { headers })))).toBe('passed')
    clock.ms += 5000
    expect(outcomeOf(await runSteps(steps, contextFor(api, { headers })))).toBe(EXPIRED)
  })

  test('let a token within its skew pass the key expiry as well', async () => {
    const api = apiWith({ ...jwtApi, jwt_expires_at_validation_skew: 10 })
    const steps = stepsOf(api, depsWith({ clock: { ms: NOW * 1000 }, policies }), [jwtMiddleware, keyExpiredMiddleware])
    const headers = ['Authorization', await signToken({ sub: 'ann', exp: NOW - 5 }, SECRET)]
    expect(outcomeOf(await runSteps(steps, contextFor(api, { headers })))).toBe('passed')
  })
})

describe('the identity', () => {
  const none = '403 no suitable claims for user ID were found'
  test.each<[string, Record<string, unknown>, string, string | undefined]>([
    ['is the literal claim', { 'user.mail': 'lit', sub: 's' }, 'passed', 'lit'],
    ['is the nested claim', { user: { mail: 'nested' } }, 'passed', 'nested'],
    ['is sub when the claim is absent', { sub: 'only-sub' }, 'passed', 'only-sub'],
    ['is sub when the claim is no text', { user: { mail: 5 }, sub: 's' }, 'passed', 's'],
    ['is missing', { name: 'nobody' }, none, undefined],
    ['is missing when sub is no text', { sub: 5 }, none, undefined],
    [
      'is empty',
      { user: { mail: '' }, sub: 's' },
      '403 found an empty user ID in predefined base claim, claim: user.mail',
      undefined,
    ],
    ['is an empty sub', { sub: '' }, '403 found an empty user ID in sub claim', undefined],
  ])('%s', async (_, claims, outcome, alias) => {
    const result = await present(await signToken(claims, SECRET), { jwt_identity_base_field: 'user.mail' })
    expect(result.outcome).toBe(outcome)
    expect(result.ctx.session?.alias).toBe(alias)
  })
})

describe('policies', () => {
  const byClaim = { jwt_policy_field_name: 'pol' }
  const scopes = {
    scopes: { jwt: { scope_claim_name: 'scp', scope_to_policy: { read: 'pol1', write: 'pol2', bad: 'dead' } } },
  }
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string, readonly string[] | undefined]>([
    ['come from the defaults', { jwt_default_policies: ['pol1', 'pol2'] }, {}, 'passed', ['pol1', 'pol2']],
    ['come from the claim', byClaim, { pol: 'pol2' }, 'passed', ['pol2']],
    ['come from a nested claim', { jwt_policy_field_name: 'a.pol' }, { a: { pol: 'pol2' } }, 'passed', ['pol2']],
    ['come from the defaults when the claim is a list', byClaim, { pol: ['pol2'] }, 'passed', ['pol1']],
    ['must exist', byClaim, { pol: 'nope' }, '403 key not authorized: no matching policy', undefined],
    ["must be the organisation's", byClaim, { pol: 'alien' }, '403 key not authorized: no matching policy', undefined],
    [
      'must come from somewhere',
      { jwt_default_policies: [] },
      {},
      '403 key not authorized: no matching policy found',
      undefined,
    ],
    [
      'must give rights',
      byClaim,
      { pol: 'empty' },
      '500 failed to create key: key has no valid policies to be applied',
      undefined,
    ],
    ['come from scopes instead of the default', scopes, { scp: 'write' }, 'passed', ['pol2']],
    ['come from a list of scopes', scopes, { scp: ['x', ['write']] }, 'passed', ['pol2']],
    ['come from several scopes', scopes, { scp: 'read write' }, 'passed', ['pol1', 'pol2']],
    ['come from the default without scopes', scopes, {}, 'passed', ['pol1']],
    [
      'come from scopes beside the one named',
      { ...scopes, ...byClaim },
      { scp: 'write', pol: 'pol1' },
      'passed',
      ['pol1', 'pol2'],
    ],
    [
      'are missing for unknown scopes',
      scopes,
      { scp: 'other' },
      '403 key not authorized: no matching policy found in scope claim',
      undefined,
    ],
    [
      'cannot all be applied',
      scopes,
      { scp: 'bad' },
      '403 key not authorized: could not apply several policies',
      undefined,
    ],
    [
      'come from the older mapping',
      { jwt_scope_claim_name: 'scp', jwt_scope_to_policy_mapping: { write: 'pol2' } },
      { scp: 'write' },
      'passed',
      ['pol2'],
    ],
    [
      'come from the scope claim by default',
      { jwt_scope_to_policy_mapping: { write: 'pol2' } },
      { scope: 'write' },
      'passed',
      ['pol2'],
    ],
  ])('%s', async (_, definition, claims, outcome, ids) => {
    const result = await present(await signToken({ sub: 'ann', ...claims }, SECRET), definition)
    expect(result.outcome).toBe(outcome)
    expect(result.ctx.session?.apply_policies).toEqual(ids)
  })

  test('that scopes replaced leave their tags', async () => {
    const { ctx } = await present(await signToken({ sub: 'ann', scp: 'write' }, SECRET), scopes)
    expect(ctx.session?.tags).toEqual(['pol-tag'])
  })
})

test.each<[string, Record<string, unknown>]>([
  ['the one it names', { jwt_policy_field_name: 'pol' }],
  ['the default', {}],
])('a token without scopes has only %s, whatever the scopes of an earlier one gave', async (_, definition) => {
  const scopes = { jwt: { scope_claim_name: 'scp', scope_to_policy: { write: 'pol2' } } }
  const api = apiWith({ ...jwtApi, scopes, ...definition })
  const deps = depsWith({ clock: { ms: NOW * 1000 }, policies })
  const steps = stepsOf(api, deps, [jwtMiddleware])
  const policiesOf = async (claims: Record<string, unknown>): Promise<readonly string[] | undefined> => {
    const token = await signToken({ sub: 'ann', pol: 'pol1', ...claims }, SECRET)
    const ctx = contextFor(api, { headers: ['Authorization', token] })
    expect(outcomeOf(await runSteps(steps, ctx))).toBe('passed')
    return ctx.session?.apply_policies
  }
  expect(await policiesOf({ scp: 'write' })).toContain('pol2')
  expect(await policiesOf({})).toEqual(['pol1'])
})

describe('a remembered identity', () => {
  async function twice(between: (deps: ReturnType<typeof depsWith>) => void): Promise<unknown[]> {
    const api = apiWith(jwtApi)
    const deps = depsWith({ clock: { ms: NOW * 1000 }, policies })
    const [step] = stepsOf(api, deps, [jwtMiddleware])
    const headers = ['Authorization', `Bearer ${await signToken({ sub: 'ann' }, SECRET)}`]
    const first = contextFor(api, { headers })
    await step?.(first)
    between(deps)
    const second = contextFor(api, { headers })
    const answer = step?.(second)
    return [answer, first.session, second.session]
  }

  test('is answered without a promise, with the same session', async () => {
    const [answer, first, second] = await twice(() => {})
    expect(answer).toBeUndefined()
    expect(second).not.toBeNull()
    expect(second).toBe(first)
  })

  test('is worked out anew when the policies were replaced', async () => {
    const [answer] = await twice((deps) => deps.policies.replace([]))
    expect(answer).toBeInstanceOf(Promise)
    expect(outcomeOf(await (answer as Promise<never>))).toBe('403 key not authorized: no matching policy')
  })
})

test('claims and header members become context variables, claims winning', async () => {
  const token = await signToken({ sub: 'ann', typ: 'claim', roles: ['a', 'b'], obj: { a: 1 } }, SECRET, { typ: 'JWT' })
  const { ctx } = await present(token, { enable_context_vars: true })
  expect(Object.fromEntries([...(ctx.claims ?? []), ...(ctx.variables ?? [])])).toEqual({
    jwt_claims_alg: 'HS256',
    jwt_claims_typ: 'claim',
    jwt_claims_sub: 'ann',
    jwt_claims_roles: ['a', 'b'],
    jwt_claims_obj: { a: 1 },
    token: ctx.token,
  })
})

test.each<[string, Record<string, unknown>, string]>([
  ['taken over from the first claim that is there', { cid: 'c1', client_id: 'c2' }, 'c1'],
  ['ignored when it is no text', { clientId: 5 }, ''],
])('the client id is %s', async (_, claims, clientId) => {
  const { ctx } = await present(await signToken({ sub: 'ann', ...claims }, SECRET))
  expect(ctx.session?.oauth_client_id).toBe(clientId)
})

test('another way of authentication may be the one that gives the session', async () => {
  const { outcome, ctx } = await present(await signToken({ sub: 'ann' }, SECRET), {
    base_identity_provided_by: 'auth_token',
  })
  expect(outcome).toBe('passed')
  expect(ctx.session).toBeNull()
})
