// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { bindingFailure } from '../../auth/binding.ts'
import { BoundedMap } from '../../auth/bounded-map.ts'
import { createCountedLog } from '../../auth/counted-log.ts'
import { authConfigOf, compileCredentialPlace, readCredential, withoutBearer } from '../../auth/credential.ts'
import type { KeySet } from '../../auth/jwks.ts'
import { usesOpenId } from '../../auth/supported.ts'
import { verifySignature } from '../../auth/tokens/algorithms.ts'
import { timeFailure, type TimeSkews } from '../../auth/tokens/time-claims.ts'
import { claim, nestedClaim, parseToken, type Claims, type ParsedToken } from '../../auth/tokens/token.ts'
import { verifiedToken, type VerifiedToken } from '../../auth/tokens/verified-token.ts'
import { addClaims } from '../../chain/context-variables.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { AUTH_FAILURE } from '../../events/index.ts'
import { createProviders, type TokenClient } from './providers.ts'
import { createSubjectSessions, type Subject, type SubjectSession } from './sessions.ts'

/**
 * ID tokens of OpenID Connect. An issuer's keys are found through its discovery document; a token's audience, or its
 * scopes, choose the policy. A verified token is remembered as long as its issuer's keys stay the same.
 */
export const openidMiddleware: MiddlewareDefinition = {
  name: 'OpenIDMW',
  compile(api, deps) {
    return usesOpenId(api.definition) ? createStep(api, deps) : null
  },
}

const MAX_REMEMBERED_TOKENS = 8192
const NO_SKEW: TimeSkews = { exp: 0, iat: 0, nbf: 0 }

interface Verified {
  readonly token: VerifiedToken
  readonly keys: KeySet
  readonly subject: Subject
}

function createStep(api: CompiledApi, deps: ChainDeps): Middleware {
  const { definition, apiId } = api
  const place = compileCredentialPlace(authConfigOf(definition, 'oidc'))
  const givesIdentity = ['', 'oidc_user'].includes(definition.base_identity_provided_by)
  const providers = createProviders(api, deps)
  const { sessionFor } = createSubjectSessions(api, deps)
  const policiesOf = compileScopes(api)
  const remembered = new BoundedMap<string, Verified>(MAX_REMEMBERED_TOKENS)
  const failures = createCountedLog(deps.log, 'info', deps.now)

  const refuse = (ctx: RequestContext, reason: string, error: ErrorRow = gatewayErrors.openidNotAuthorised): Answer => {
    api.events?.fire('AuthFailure', ctx, '', AUTH_FAILURE)
    failures.note('Attempted OpenID access refused', () => ({ api_id: apiId, mw: 'OpenIDMW', reason }))
    return { kind: 'error', error }
  }

  const take = (ctx: RequestContext, { token }: Verified, result: SubjectSession): Answer | undefined => {
    if (result.error !== null) return refuse(ctx, result.error.message, result.error)
    const failure = bindingFailure(ctx, result.session, api, result.token)
    if (failure !== undefined) return failure
    if (givesIdentity) {
      ctx.session = result.session
      ctx.token = result.token
    }
    if (ctx.variables !== null) {
      addClaims(ctx, token.variables)
      ctx.variables.set('token', result.token)
    }
    return undefined
  }

  const authorise = (ctx: RequestContext, known: Verified): Answer | undefined | Promise<Answer | undefined> => {
    const late = timeFailure(known.token.times, NO_SKEW, Math.floor(deps.now() / 1000))
    if (late !== null) return refuse(ctx, late.message)
    const result = sessionFor(known.subject)
    if (result instanceof Promise) return result.then((settled) => take(ctx, known, settled))
    return take(ctx, known, result)
  }

  const keysFor = async (issuer: string, kid: string): Promise<KeySet | null> => {
    const { keys } = providers
    for (const ask of [keys.get, keys.refresh]) {
      const set = await ask(issuer)
      if (set?.keys.has(kid) === true) return set
    }
    return null
  }

  const verify = async (
    ctx: RequestContext,
    text: string,
    parsed: ParsedToken,
    client: TokenClient,
    user: string,
  ): Promise<Answer | undefined> => {
    const kid = claim(parsed.header, 'kid')
    if (typeof kid !== 'string') return refuse(ctx, 'no key named')
    const current = providers.keys.current(client.issuer)
    const keys = current?.keys.has(kid) === true ? current : await keysFor(client.issuer, kid)
    const key = keys?.keys.get(kid)
    if (keys === null || key === undefined) return refuse(ctx, 'key not found')
    if (!(await verifySignature(text, parsed.alg, key))) return refuse(ctx, 'bad signature')
    const subject: Subject = { user, client, scopePolicies: policiesOf(parsed.claims) }
    const known: Verified = { token: verifiedToken(parsed, keys), keys, subject }
    remembered.set(text, known)
    return authorise(ctx, known)
  }

  return (ctx) => {
    if (ctx.authIgnored) return undefined
    const text = withoutBearer(readCredential(ctx, place))
    const known = remembered.get(text)
    if (known !== undefined && providers.keys.current(known.subject.client.issuer) === known.keys) {
      return authorise(ctx, known)
    }
    const parsed = parse(text)
    if (parsed === null) return refuse(ctx, 'malformed')
    const client = providers.clientOf(parsed.claims)
    if (client === null) return refuse(ctx, 'unknown issuer or audience')
    const user = claim(parsed.claims, 'sub')
    if (typeof user !== 'string' || user === '') return refuse(ctx, 'no subject')
    const expiry = claim(parsed.claims, 'exp')
    if (typeof expiry !== 'number' || expiry <= 0) return refuse(ctx, 'no expiry')
    return verify(ctx, text, parsed, client, user)
  }
}

/** Signed with a key pair: a secret that issuer and client share is not known here. */
function parse(text: string): ParsedToken | null {
  for (const method of ['rsa', 'ecdsa'] as const) {
    const parsed = parseToken(text, method)
    if (typeof parsed !== 'string') return parsed
  }
  return null
}

/** The policies that the scopes of a token stand for; null where scopes are not looked at. */
function compileScopes({ definition }: CompiledApi): (claims: Claims) => readonly string[] | null {
  const { scope_claim_name: name, scope_to_policy: mapping } = definition.scopes.oidc
  if (Object.keys(mapping).length === 0) return () => null
  return (claims) => {
    const value = nestedClaim(claims, name === '' ? 'scope' : name)
    const scopes = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? (value as unknown[]) : []
    const ids = scopes.flatMap((scope) =>
      typeof scope === 'string' && Object.hasOwn(mapping, scope) ? [mapping[scope] as string] : [],
    )
    return [...new Set(ids)]
  }
}
