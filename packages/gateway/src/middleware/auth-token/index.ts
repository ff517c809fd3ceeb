// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { bindingFailure } from '../../auth/binding.ts'
import { authConfigOf, compileCredentialPlace, readCredential, withoutBearer } from '../../auth/credential.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import { usesAuthToken } from '../../auth/supported.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { AUTH_FAILURE } from '../../events/index.ts'
import { createPolicyApplier } from '../../session/policy-applier.ts'
import type { StoredSession } from '../../session/store.ts'
import { clientCertificateOf, type ClientCertificate } from '../../tls/client-certificate.ts'
import { findCertificateKey } from './certificate-key.ts'
import { compileSignatureCheck } from './signature.ts'

const FIELD_MISSING: Answer = { kind: 'error', error: gatewayErrors.authFieldMissing }
const KEY_NOT_FOUND: Answer = { kind: 'error', error: gatewayErrors.keyNotFound }
const KEY_INVALID: Answer = { kind: 'error', error: gatewayErrors.keyInvalid }
const CERTIFICATE_REQUIRED: Answer = { kind: 'error', error: gatewayErrors.certificateRequired }
const CERTIFICATE_EXPIRED: Answer = { kind: 'error', error: gatewayErrors.certificateExpired }

/** Looks the presented key up and takes over its session. The key may be one that belongs to a client certificate. */
export const authTokenMiddleware: MiddlewareDefinition = {
  name: 'AuthKey',
  compile(api, deps) {
    return usesAuthToken(api.definition) ? createStep(api, deps) : null
  },
}

type Outcome = Answer | undefined | Promise<Answer | undefined>

function createStep(api: CompiledApi, deps: ChainDeps): Middleware {
  const { definition, apiId, orgId } = api
  const authConfig = authConfigOf(definition, 'authToken')
  const place = compileCredentialPlace(authConfig)
  const signature = compileSignatureCheck(authConfig, api, deps)
  const keysWithoutCertificate = authConfig.use_certificate && deps.config.security.allow_unsafe_dynamic_mtls_token
  const givesIdentity = ['', 'auth_token'].includes(definition.base_identity_provided_by)
  const policies = createPolicyApplier(deps.policies)
  const failures = createCountedLog(deps.log, 'info', deps.now)
  const problems = createCountedLog(deps.log, 'error', deps.now)

  const unknown = (ctx: RequestContext, key: string): Answer => {
    api.events?.fire('AuthFailure', ctx, key, AUTH_FAILURE)
    failures.note('Attempted access with non-existent key.', () => ({
      api_id: apiId,
      key: keyForLog(key, deps.config.enable_key_logging),
    }))
    return KEY_NOT_FOUND
  }

  const unusable = (ctx: RequestContext, key: string, found: StoredSession, reason: string | null): Answer => {
    api.events?.fire('AuthFailure', ctx, key, AUTH_FAILURE)
    problems.note('key cannot be used', () => ({
      api_id: apiId,
      key: keyForLog(found.token, deps.config.enable_key_logging),
      reason,
    }))
    return KEY_NOT_FOUND
  }

  const accept = (ctx: RequestContext, key: string, found: StoredSession): Answer | undefined => {
    const applied = policies.apply(found.session, orgId)
    if (applied.session === null) return unusable(ctx, key, found, applied.failure)
    const before = ctx.session
    ctx.session = applied.session
    const failure = bindingFailure(ctx, applied.session, api, key) ?? signature?.(ctx, found.token)
    if (failure !== undefined || !givesIdentity) {
      ctx.session = before
      return failure
    }
    ctx.token = found.token
    ctx.variables?.set('token', found.token)
    return undefined
  }

  const acceptPresented = (ctx: RequestContext, key: string, found: StoredSession | null): Answer | undefined => {
    if (found === null) return unknown(ctx, key)
    if (found.session.certificate !== '' && !keysWithoutCertificate) {
      // Such a key is made of the certificate's id, which is no secret: presenting it proves nothing.
      return unusable(ctx, key, found, 'the key belongs to a client certificate and was presented without it')
    }
    // The same for a user's, made of the name, and for that of a token's subject.
    if (found.session.basic_auth_data !== null)
      return unusable(ctx, key, found, 'the key belongs to a user with a password')
    if (found.session.meta_data !== null && Object.hasOwn(found.session.meta_data, 'TykJWTSessionID')) {
      return unusable(ctx, key, found, 'the key belongs to the subject of a token')
    }
    return accept(ctx, key, found)
  }

  const byKey = (ctx: RequestContext, credential: string): Outcome => {
    const key = withoutBearer(credential)
    const known = deps.sessions.peek(key, orgId)
    if (known !== undefined) return acceptPresented(ctx, key, known)
    return deps.sessions.find(key, orgId).then((found) => acceptPresented(ctx, key, found))
  }

  const byCertificate = async (
    ctx: RequestContext,
    client: ClientCertificate | null,
    credential: string,
  ): Promise<Answer | undefined> => {
    if (client === null && !keysWithoutCertificate) return CERTIFICATE_REQUIRED
    if (client === null) return credential === '' ? KEY_INVALID : byKey(ctx, credential)
    if (deps.now() > client.validToMs) return CERTIFICATE_EXPIRED
    const result = await findCertificateKey(client, orgId, deps)
    if ('refusal' in result) {
      api.events?.fire('AuthFailure', ctx, orgId + client.sha256, AUTH_FAILURE)
      return result.refusal
    }
    if (keysWithoutCertificate && credential !== '') return byKey(ctx, credential)
    return accept(ctx, result.found.token, result.found)
  }

  return (ctx) => {
    if (ctx.authIgnored) return undefined
    const credential = readCredential(ctx, place)
    if (authConfig.use_certificate) {
      const client = clientCertificateOf(ctx.request.socket)
      if (client !== undefined) return byCertificate(ctx, client, credential)
      if (credential === '') return KEY_INVALID
    }
    return credential === '' ? FIELD_MISSING : byKey(ctx, credential)
  }
}
