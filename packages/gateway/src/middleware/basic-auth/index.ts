// Hot path.
import { fromByteString, toByteString } from '../../byte-string.ts'
import { bindingFailure } from '../../auth/binding.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import { authConfigOf, compileCredentialPlace, readCredential } from '../../auth/credential.ts'
import { usesBasicAuth } from '../../auth/supported.ts'
import { createVerifiedPasswords } from '../../auth/verified-passwords.ts'
import { WorkRefusedError } from '../../auth/work-queue.ts'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { RequestContext } from '../../chain/context.ts'
import { fieldValue } from '../../chain/headers.ts'
import { readBody } from '../../chain/read-body.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import { AUTH_FAILURE } from '../../events/index.ts'
import { createPolicyApplier } from '../../session/policy-applier.ts'
import type { Session } from '../../session/session.ts'
import type { StoredSession } from '../../session/store.ts'
import { compileBodyPatterns, findCredentials, type BodyPatterns } from './body.ts'
import { isFailure, parseCredentials, type Credentials } from './credentials.ts'

/**
 * User and password. A password that was right is remembered for a while, and then no request waits; everything else
 * takes the time of a comparison, so that unknown users and wrong passwords cannot be told apart.
 */
export const basicAuthMiddleware: MiddlewareDefinition = {
  name: 'BasicAuthKeyIsValid',
  compile(api, deps) {
    return usesBasicAuth(api.definition) ? createStep(api, deps) : null
  },
}

const DEFAULT_CACHE_S = 60
/** Strangers send these bodies, and patterns take up to microseconds per byte: a longer one is not looked through. */
const MAX_BODY_BYTES = 16 * 1024

type Outcome = Answer | undefined | Promise<Answer | undefined>

function createStep(api: CompiledApi, deps: ChainDeps): Middleware {
  const { definition, apiId, orgId } = api
  const { disable_caching: uncached, cache_ttl: ttlSeconds } = definition.basic_auth
  const place = compileCredentialPlace(authConfigOf(definition, 'basic'))
  const patterns = compileBodyPatterns(definition)
  const givesIdentity = ['', 'basic_auth_user'].includes(definition.base_identity_provided_by)
  const policies = createPolicyApplier(deps.policies)
  const verified = createVerifiedPasswords((ttlSeconds > 0 ? ttlSeconds : DEFAULT_CACHE_S) * 1000, deps.now)
  const failures = createCountedLog(deps.log, 'info', deps.now)
  const problems = createCountedLog(deps.log, 'error', deps.now)
  const challenge = ['Www-Authenticate', realmOf(api.apiName)]
  const fieldMissing: Answer = { kind: 'error', error: gatewayErrors.basicFieldMissing, headers: challenge }
  const notAuthorised: Answer = { kind: 'error', error: gatewayErrors.basicNotAuthorised, headers: challenge }
  const busy: Answer = { kind: 'error', error: gatewayErrors.authBusy }

  const refuse = (ctx: RequestContext, user: string): Answer => {
    // The header as it is, password and all, is what handlers of this event have always got.
    api.events?.fire('AuthFailure', ctx, fromByteString(ctx.headers.get('Authorization') ?? ''), AUTH_FAILURE)
    failures.note('Attempted access with unknown user or wrong password.', () => ({
      api_id: apiId,
      mw: 'BasicAuthKeyIsValid',
      key: keyForLog(user, deps.config.enable_key_logging),
    }))
    return notAuthorised
  }

  const malformed = (ctx: RequestContext, error: ErrorRow): Answer =>
    error === gatewayErrors.basicNotAuthorised ? refuse(ctx, '') : { kind: 'error', error }

  /** The session of a user, or null for one that must not get in whatever the password. */
  const usable = (found: StoredSession): Session | null => {
    const applied = policies.apply(found.session, orgId)
    if (applied.session !== null) return applied.session
    problems.note('key cannot be used', () => ({
      api_id: apiId,
      key: keyForLog(found.token, deps.config.enable_key_logging),
      reason: applied.failure,
    }))
    return null
  }

  const take = (ctx: RequestContext, found: StoredSession, session: Session): Answer | undefined => {
    const failure = bindingFailure(ctx, session, api, found.token)
    if (failure !== undefined || !givesIdentity) return failure
    ctx.session = session
    ctx.token = found.token
    return undefined
  }

  const compare = async (
    ctx: RequestContext,
    { user, password }: Credentials,
    found: StoredSession | null,
    session: Session | null,
  ): Promise<Answer | undefined> => {
    const stored = session === null ? null : (found?.session.basic_auth_data ?? null)
    try {
      if (!(await deps.passwords.check(stored, password, { user: orgId + user, apiId })) || stored === null)
        return refuse(ctx, user)
    } catch (err) {
      if (!(err instanceof WorkRefusedError)) throw err
      problems.note('Too many passwords wait to be checked', () => ({ api_id: apiId, reason: err.message }))
      return busy
    }
    if (!uncached) verified.add(stored, password)
    return take(ctx, found as StoredSession, session as Session)
  }

  const decide = (ctx: RequestContext, credentials: Credentials, found: StoredSession | null): Outcome => {
    const session = found === null ? null : usable(found)
    const stored = found?.session.basic_auth_data ?? null
    if (found !== null && session !== null && stored !== null && !uncached) {
      if (verified.has(stored, credentials.password)) return take(ctx, found, session)
    }
    return compare(ctx, credentials, found, session)
  }

  /** Users that were made before keys had a hash function are stored under the older form of their name. */
  const findUser = async (user: string): Promise<StoredSession | null> => {
    const found = await deps.sessions.find(user, orgId)
    if (found !== null || deps.config.hash_key_function === '' || user === '') return found
    return deps.sessions.find(orgId + user, orgId)
  }

  const authorise = (ctx: RequestContext, credentials: Credentials): Outcome => {
    const known = deps.sessions.peek(credentials.user, orgId)
    if (known !== undefined) return decide(ctx, credentials, known)
    return findUser(credentials.user).then((found) => decide(ctx, credentials, found))
  }

  const authoriseBody = async (ctx: RequestContext, from: BodyPatterns): Promise<Answer | undefined> => {
    const body = await readBody(ctx, MAX_BODY_BYTES)
    if (body === null) return { kind: 'error', error: gatewayErrors.requestTooLarge }
    const credentials = findCredentials(body.toString('utf8'), from)
    return isFailure(credentials) ? malformed(ctx, credentials) : authorise(ctx, credentials)
  }

  return (ctx) => {
    if (ctx.authIgnored) return undefined
    const value = readCredential(ctx, place)
    const credentials = value === '' ? null : parseCredentials(value)
    if (credentials !== null && !isFailure(credentials)) return authorise(ctx, credentials)
    if (patterns !== null) return authoriseBody(ctx, patterns)
    return credentials === null ? fieldMissing : malformed(ctx, credentials)
  }
}

/** The name of an API as a quoted string. */
const realmOf = (name: string): string =>
  fieldValue(toByteString(`Basic realm="${name.replace(/["\\]/g, (char) => `\\${char}`)}"`))
