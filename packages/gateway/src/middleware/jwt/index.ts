// Hot path.
import { fromByteString } from '../../byte-string.ts'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { bindingFailure } from '../../auth/binding.ts'
import { BoundedMap } from '../../auth/bounded-map.ts'
import { createCountedLog } from '../../auth/counted-log.ts'
import { authConfigOf, compileCredentialPlace, readCredentialBytes, withoutBearer } from '../../auth/credential.ts'
import { usesJwt } from '../../auth/supported.ts'
import { addClaims } from '../../chain/context-variables.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { AUTH_FAILURE } from '../../events/index.ts'
import { verifySignature, type SigningMethod } from '../../auth/tokens/algorithms.ts'
import { createCentralisedSessions, type SessionResult } from './centralised.ts'
import { createKeySource, type KeySource } from '../../auth/tokens/key-source.ts'
import { createOneToOneSessions } from './one-to-one.ts'
import { timeFailure, type TimeSkews } from '../../auth/tokens/time-claims.ts'
import { parseToken, type ParsedToken } from '../../auth/tokens/token.ts'
import { verifiedToken, type VerifiedToken } from '../../auth/tokens/verified-token.ts'

/**
 * JSON web tokens. With a key in the definition, a token's identity gets a session of its own, made from policies; with
 * none, each token belongs to a stored key that holds its secret.
 *
 * A verified token is remembered by its credential as it came, scheme word and all, for as long as the key it was
 * verified with is the current one; its times are compared on every request. What is remembered is bounded and goes with
 * the compiled API. So only a token's first request waits: for jose (0.1 ms, Node 24), which verifies through the
 * promises of Web Crypto.
 */
export const jwtMiddleware: MiddlewareDefinition = {
  name: 'JWTMiddleware',
  compile(api, deps) {
    return usesJwt(api.definition) ? createStep(api, deps) : null
  },
}

const MAX_REMEMBERED_TOKENS = 8192
/** As in Tyk a token that is not in its time raises no event. */
const SILENT: ReadonlySet<ErrorRow> = new Set([
  gatewayErrors.jwtExpired,
  gatewayErrors.jwtUsedBeforeIssued,
  gatewayErrors.jwtNotYetValid,
])
const hasNoIdentity = (error: ErrorRow): boolean =>
  error === gatewayErrors.jwtNoIdentity || error.message.startsWith('found an empty user ID')

/** One of the two modes: where the key comes from, and the session of a token that was good. */
interface Mode {
  readonly keys: KeySource
  readonly givesIdentity: boolean
  sessionFor(token: VerifiedToken): SessionResult | Promise<SessionResult>
}

function createStep(api: CompiledApi, deps: ChainDeps): Middleware {
  const { definition, apiId } = api
  const method = signingMethod(api, deps)
  const mode = createMode(api, method, deps)
  const place = compileCredentialPlace(authConfigOf(definition, 'jwt'))
  const skews: TimeSkews = {
    exp: definition.jwt_expires_at_validation_skew,
    iat: definition.jwt_issued_at_validation_skew,
    nbf: definition.jwt_not_before_validation_skew,
  }
  const verified = new BoundedMap<string, VerifiedToken>(MAX_REMEMBERED_TOKENS)
  const failures = createCountedLog(deps.log, 'info', deps.now)

  const refuse = (ctx: RequestContext, error: ErrorRow): Answer => {
    if (error.status < 500 && !SILENT.has(error)) {
      api.events?.fire('AuthFailure', ctx, hasNoIdentity(error) ? '[NOT FOUND]' : '', AUTH_FAILURE)
    }
    failures.note('Attempted JWT access refused', () => ({ api_id: apiId, mw: 'JWTMiddleware', reason: error.message }))
    return { kind: 'error', error }
  }

  const take = (ctx: RequestContext, token: VerifiedToken, result: SessionResult): Answer | undefined => {
    if (result.error !== null) return refuse(ctx, result.error)
    const failure = bindingFailure(ctx, result.session, api, result.token)
    if (failure !== undefined) return failure
    if (mode.givesIdentity) {
      ctx.session = result.session
      ctx.token = result.token
    }
    if (ctx.variables !== null) {
      addClaims(ctx, token.variables)
      ctx.variables.set('token', result.token)
    }
    return undefined
  }

  const authorise = (ctx: RequestContext, token: VerifiedToken): Answer | undefined | Promise<Answer | undefined> => {
    const late = timeFailure(token.times, skews, Math.floor(deps.now() / 1000))
    if (late !== null) return refuse(ctx, late)
    const result = mode.sessionFor(token)
    if (result instanceof Promise) return result.then((settled) => take(ctx, token, settled))
    return take(ctx, token, result)
  }

  const verify = async (
    ctx: RequestContext,
    credential: string,
    text: string,
    parsed: ParsedToken,
  ): Promise<Answer | undefined> => {
    const found = await mode.keys.find(parsed)
    if (found === null || !(await verifySignature(text, parsed.alg, found.key))) {
      return refuse(ctx, gatewayErrors.jwtNotAuthorized)
    }
    const token = verifiedToken(parsed, found.material)
    verified.set(credential, token)
    return authorise(ctx, token)
  }

  return (ctx) => {
    if (ctx.authIgnored) return undefined
    const credential = readCredentialBytes(ctx, place)
    if (credential === '') return refuse(ctx, gatewayErrors.jwtFieldMissing)
    const remembered = verified.get(credential)
    if (remembered !== undefined && mode.keys.isCurrent(remembered.material)) return authorise(ctx, remembered)
    const text = withoutBearer(fromByteString(credential))
    const parsed = parseToken(text, method)
    if (parsed === 'malformed') return refuse(ctx, gatewayErrors.jwtNotAuthorized)
    if (parsed === 'unexpected signing method') return refuse(ctx, gatewayErrors.jwtUnexpectedSigningMethod)
    return verify(ctx, credential, text, parsed)
  }
}

function createMode(api: CompiledApi, method: SigningMethod, deps: ChainDeps): Mode {
  const { base_identity_provided_by: provider } = api.definition
  const { jwt_source: source, jwt_jwks_uris: uris } = api.definition
  const keys = createKeySource({ apiId: api.apiId, user: 'jwt', name: 'jwt_source', source, uris }, method, deps)
  if (keys !== null) {
    const { sessionFor } = createCentralisedSessions(api, deps)
    return { keys, sessionFor, givesIdentity: provider === '' || provider === 'jwt_claim' }
  }
  const { find, sessionFor } = createOneToOneSessions(api, method, deps)
  // The secret is compared when the key is looked up, which happens for every request.
  return { keys: { find, isCurrent: () => true }, sessionFor, givesIdentity: true }
}

function signingMethod({ definition, apiId }: CompiledApi, deps: ChainDeps): SigningMethod {
  const { jwt_signing_method: name } = definition
  if (name === 'hmac' || name === 'rsa' || name === 'ecdsa') return name
  deps.log.warn({ api_id: apiId, key: 'jwt_signing_method', value: name }, 'JWT signing method unknown, taking hmac')
  return 'hmac'
}
