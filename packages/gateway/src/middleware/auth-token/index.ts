// Hot path.
import { authConfigOf, compileCredentialPlace, readCredential, withoutBearer } from '../../auth/credential.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import { usesAuthToken } from '../../auth/supported.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { createPolicyApplier } from '../../session/policy-applier.ts'
import type { Session } from '../../session/session.ts'
import type { StoredSession } from '../../session/store.ts'

const FIELD_MISSING: Answer = { kind: 'error', error: gatewayErrors.authFieldMissing }
const KEY_NOT_FOUND: Answer = { kind: 'error', error: gatewayErrors.keyNotFound }

/** Looks the presented key up and takes over its session. */
export const authTokenMiddleware: MiddlewareDefinition = {
  name: 'AuthKey',
  compile(api, deps) {
    const { definition, apiId, orgId } = api
    if (!usesAuthToken(definition)) return null
    const place = compileCredentialPlace(authConfigOf(definition, 'authToken'))
    const givesIdentity = ['', 'auth_token'].includes(definition.base_identity_provided_by)
    const policies = createPolicyApplier(deps.policies)
    const failures = createCountedLog(deps.log, 'info', deps.now)
    const problems = createCountedLog(deps.log, 'error', deps.now)

    const unknown = (key: string): Answer => {
      failures.note('Attempted access with non-existent key.', () => ({
        api_id: apiId,
        key: keyForLog(key, deps.config.enable_key_logging),
      }))
      return KEY_NOT_FOUND
    }

    const accept = (ctx: RequestContext, key: string, found: StoredSession | null): Answer | undefined => {
      if (found === null) return unknown(key)
      const reason = bindingReason(found.session)
      const applied = policies.apply(found.session, orgId)
      if (reason !== null || applied.session === null) {
        problems.note('key cannot be used', () => ({
          api_id: apiId,
          key: keyForLog(found.token, deps.config.enable_key_logging),
          reason: reason ?? applied.failure,
        }))
        return KEY_NOT_FOUND
      }
      if (!givesIdentity) return undefined
      ctx.session = applied.session
      ctx.token = found.token
      ctx.variables?.set('token', found.token)
      return undefined
    }

    return (ctx) => {
      if (ctx.authIgnored) return undefined
      const credential = readCredential(ctx, place)
      if (credential === '') return FIELD_MISSING
      const key = withoutBearer(credential)
      const known = deps.sessions.peek(key, orgId)
      if (known !== undefined) return accept(ctx, key, known)
      return deps.sessions.find(key, orgId).then((found) => accept(ctx, key, found))
    }
  },
}

/** A key that is bound to a client certificate would be open to anyone here: client certificates are not checked. */
function bindingReason(session: Session): string | null {
  if (session.certificate !== '')
    return 'the key is bound to a client certificate, which is not in force in this version'
  if (session.mtls_static_certificate_bindings.length > 0) {
    return 'the key is bound to client certificates, which are not in force in this version'
  }
  return null
}
