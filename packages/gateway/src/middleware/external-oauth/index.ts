// Hot path.
import { createHash } from 'node:crypto'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { bindingFailure } from '../../auth/binding.ts'
import { BoundedMap } from '../../auth/bounded-map.ts'
import { createCountedLog } from '../../auth/counted-log.ts'
import { authConfigOf, compileCredentialPlace, readCredential, withoutBearer } from '../../auth/credential.ts'
import { generateKey } from '../../auth/key-format.ts'
import { reasonOf } from '../../auth/log-reason.ts'
import { usesExternalOauth } from '../../auth/supported.ts'
import { UnusableAuthError } from '../../auth/unusable-auth-error.ts'
import { WorkRefusedError } from '../../auth/work-queue.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { AUTH_FAILURE } from '../../events/index.ts'
import { createPolicyApplier } from '../../session/policy-applier.ts'
import { readSession } from '../../session/session.ts'
import type { StoredSession } from '../../session/store.ts'
import { createIntrospection, type Introspected } from './introspection.ts'
import { createTokenCheck, type TokenCheck, type Verdict } from './tokens.ts'

/**
 * Access tokens of somebody else's OAuth server: JSON web tokens that are verified here, or tokens of any kind about
 * which the server is asked. As in Tyk, only the first provider counts, and the session is always set.
 */
export const externalOauthMiddleware: MiddlewareDefinition = {
  name: 'ExternalOAuth',
  compile(api, deps) {
    return usesExternalOauth(api.definition) ? createStep(api, deps) : null
  },
}

const MAX_STRANGERS = 8192
/** As long as sessions that are there are remembered. */
const STRANGER_MS = 10_000

const refusal = (error: ErrorRow): Answer => ({ kind: 'error', error })
const FIELD_MISSING = refusal(gatewayErrors.oauthFieldMissing)

function createStep(api: CompiledApi, deps: ChainDeps): Middleware {
  const { definition, apiId, orgId } = api
  const place = compileCredentialPlace(authConfigOf(definition, 'externalOAuth'))
  const check = createCheck(api, deps)
  const policies = createPolicyApplier(deps.policies)
  const failures = createCountedLog(deps.log, 'info', deps.now)
  // Who has no session of their own may call this API, within the limits of the API.
  const open = readSession({ org_id: orgId, access_rights: { [apiId]: { api_id: apiId, api_name: api.apiName } } })
  const strangers = new BoundedMap<string, number>(MAX_STRANGERS)

  const refuse = (ctx: RequestContext, error: ErrorRow): Answer => {
    if (error.status < 500) api.events?.fire('AuthFailure', ctx, '', AUTH_FAILURE)
    failures.note('Attempted access with an invalid access token', () => ({
      api_id: apiId,
      mw: 'ExternalOAuth',
      reason: error.message,
    }))
    return refusal(error)
  }

  const take = (ctx: RequestContext, key: string, found: StoredSession | null): Answer | undefined => {
    const applied = found === null ? null : policies.apply(found.session, orgId)
    const session = applied === null ? open : applied.session
    // A session whose policies are gone must not open more than it did.
    if (session === null) return refuse(ctx, gatewayErrors.oauthTokenInvalid)
    const failure = bindingFailure(ctx, session, api, found?.token ?? key)
    if (failure !== undefined) return failure
    ctx.session = session
    ctx.token = found?.token ?? key
    return undefined
  }

  const look = async (ctx: RequestContext, key: string): Promise<Answer | undefined> => {
    const found = await deps.sessions.find(key, orgId)
    if (found === null) strangers.set(key, deps.now() + STRANGER_MS)
    return take(ctx, key, found)
  }

  const authorise = (ctx: RequestContext, verdict: Verdict): Answer | undefined | Promise<Answer | undefined> => {
    if ('error' in verdict) return refuse(ctx, verdict.error)
    const id = createHash('md5').update(verdict.identity, 'utf8').digest('hex')
    const key = generateKey(orgId, id, deps.config.hash_key_function)
    const known = deps.sessions.peek(key, orgId)
    if (known !== undefined) return take(ctx, key, known)
    return deps.now() < (strangers.get(key) ?? 0) ? take(ctx, key, null) : look(ctx, key)
  }

  return (ctx) => {
    if (ctx.authIgnored) return undefined
    const token = withoutBearer(readCredential(ctx, place))
    if (token === '') return FIELD_MISSING
    const verdict = check(token)
    if (verdict instanceof Promise) return verdict.then((settled) => authorise(ctx, settled))
    return authorise(ctx, verdict)
  }
}

/** @throws UnusableAuthError when the definition says nothing about how tokens are checked. */
function createCheck({ definition, apiId }: CompiledApi, deps: ChainDeps): TokenCheck {
  const [provider] = definition.external_oauth.providers
  if (provider === undefined) throw new UnusableAuthError('external_oauth.providers is empty')
  if (provider.jwt.enabled) return createTokenCheck(provider.jwt, apiId, deps)
  if (!provider.introspection.enabled) {
    throw new UnusableAuthError('external_oauth.providers[0]: neither jwt nor introspection is enabled')
  }
  if (!URL.canParse(provider.introspection.url)) {
    throw new UnusableAuthError('external_oauth.providers[0].introspection.url is no URL')
  }
  return createIntrospectionCheck(provider.introspection, apiId, deps)
}

function createIntrospectionCheck(
  options: Parameters<typeof createIntrospection>[0],
  apiId: string,
  deps: ChainDeps,
): TokenCheck {
  const introspection = createIntrospection(options, deps.now, deps.externalServices.introspection)
  const problems = createCountedLog(deps.log, 'error', deps.now)

  const judge = (result: Introspected): Verdict => {
    if (result.kind === 'inactive') return { error: gatewayErrors.oauthTokenInvalid }
    if (result.expiresSeconds <= Math.floor(deps.now() / 1000)) return { error: gatewayErrors.oauthTokenExpired }
    return { identity: result.identity }
  }

  const failed = (err: unknown): Verdict => {
    problems.note('Introspection of an access token failed', () => ({ api_id: apiId, reason: reasonOf(err) }))
    return { error: err instanceof WorkRefusedError ? gatewayErrors.authBusy : gatewayErrors.oauthCheckFailed }
  }

  return (token) => {
    const known = introspection.peek(token)
    return known === undefined ? introspection.ask(token).then(judge, failed) : judge(known)
  }
}
