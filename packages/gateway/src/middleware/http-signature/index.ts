// Hot path.
import type { KeyObject } from 'node:crypto'
import { bindingFailure } from '../../auth/binding.ts'
import type { StoredPem } from '../../auth/certificate-store.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import { authConfigOf, compileCredentialPlace, readCredential } from '../../auth/credential.ts'
import { usesSignatures } from '../../auth/supported.ts'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { AUTH_FAILURE } from '../../events/index.ts'
import { createPolicyApplier } from '../../session/policy-applier.ts'
import type { Session } from '../../session/session.ts'
import type { StoredSession } from '../../session/store.ts'
import { isTimely } from './date.ts'
import { parseSignature, type SignatureParameters } from './parameters.ts'
import { signingString } from './signing-string.ts'
import { algorithmOf, isHmacOf, isRsaSignatureOf, type Algorithm } from './verify.ts'

/** Requests signed with a key's secret, or with the private half of a key pair whose public half is in a store. */
export const httpSignatureMiddleware: MiddlewareDefinition = {
  name: 'HTTPSignatureValidationMiddleware',
  compile(api, deps) {
    return usesSignatures(api.definition) ? createStep(api, deps) : null
  },
}

const INVALID: Answer = { kind: 'error', error: gatewayErrors.signatureInvalid }
const KEY_MISSING: Answer = { kind: 'error', error: gatewayErrors.signatureKeyMissing }
const KEY_UNUSABLE: Answer = { kind: 'error', error: gatewayErrors.signatureKeyUnusable }

type Outcome = Answer | undefined | Promise<Answer | undefined>

function createStep(api: CompiledApi, deps: ChainDeps): Middleware {
  const { definition, apiId, orgId } = api
  const place = compileCredentialPlace(authConfigOf(definition, 'hmac'))
  const { hmac_allowed_clock_skew: maxSkewMs, hmac_allowed_algorithms: allowed } = definition
  const givesIdentity = ['', 'hmac_key'].includes(definition.base_identity_provided_by)
  const policies = createPolicyApplier(deps.policies)
  const failures = createCountedLog(deps.log, 'info', deps.now)
  const problems = createCountedLog(deps.log, 'error', deps.now)

  const refuse = (ctx: RequestContext, reason: string, keyId = ''): Answer => {
    api.events?.fire('AuthFailure', ctx, keyId, AUTH_FAILURE)
    failures.note('Attempted access with an invalid signature.', () => ({
      api_id: apiId,
      mw: 'HTTPSignatureValidationMiddleware',
      reason,
      key: keyForLog(keyId, deps.config.enable_key_logging),
    }))
    return INVALID
  }

  const broken = (answer: Answer, reason: string, keyId: string): Answer => {
    const key = keyForLog(keyId, deps.config.enable_key_logging)
    problems.note('public key for signatures cannot be used', () => ({ api_id: apiId, reason, key }))
    return answer
  }

  const take = (ctx: RequestContext, { keyId }: SignatureParameters, session: Session): Answer | undefined => {
    const failure = bindingFailure(ctx, session, api, keyId)
    if (failure !== undefined) return failure
    if (givesIdentity) {
      ctx.session = session
      // As in Tyk the key goes by the name that was presented: records and counters are named after it.
      ctx.token = keyId
    }
    ctx.variables?.set('token', keyId)
    return undefined
  }

  const checkRsa = (
    ctx: RequestContext,
    given: SignatureParameters,
    session: Session,
    pem: StoredPem | null,
  ): Outcome => {
    if (pem === null) return broken(KEY_MISSING, 'not found', given.keyId)
    const key = rsaKeyOf(pem)
    if (key === null) return broken(KEY_UNUSABLE, 'no RSA public key', given.keyId)
    if (!isSigned(ctx, given, (text) => isRsaSignatureOf(text, given.signature, key))) {
      return refuse(ctx, 'signature does not match', given.keyId)
    }
    return take(ctx, given, session)
  }

  const check = (ctx: RequestContext, given: SignatureParameters, algorithm: Algorithm, session: Session): Outcome => {
    if (algorithm.kind === 'rsa') {
      const { rsa_certificate_id: id, enable_http_signature_validation: enabled } = session
      if (id === '' || !enabled) return refuse(ctx, 'key has no public key', given.keyId)
      const known = deps.certificateStore.peek(id)
      if (known !== undefined) return checkRsa(ctx, given, session, known)
      return deps.certificateStore.find(id).then((pem) => checkRsa(ctx, given, session, pem))
    }
    const { hmac_string: secret, hmac_enabled, enable_http_signature_validation: enabled } = session
    if (secret === '' || !(hmac_enabled || enabled)) return refuse(ctx, 'key has no secret', given.keyId)
    if (!isSigned(ctx, given, (text) => isHmacOf(text, given.signature, secret, algorithm.hash))) {
      return refuse(ctx, 'signature does not match', given.keyId)
    }
    return take(ctx, given, session)
  }

  const decide = (
    ctx: RequestContext,
    given: SignatureParameters,
    algorithm: Algorithm,
    found: StoredSession | null,
  ): Outcome => {
    if (found === null) return refuse(ctx, 'unknown key', given.keyId)
    const applied = policies.apply(found.session, orgId)
    if (applied.session === null) {
      problems.note('key cannot be used', () => ({
        api_id: apiId,
        key: keyForLog(found.token, deps.config.enable_key_logging),
        reason: applied.failure,
      }))
      api.events?.fire('AuthFailure', ctx, given.keyId, AUTH_FAILURE)
      return INVALID
    }
    return check(ctx, given, algorithm, applied.session)
  }

  return (ctx) => {
    if (ctx.authIgnored) return undefined
    const given = parseSignature(readCredential(ctx, place))
    if (given === null) return refuse(ctx, 'malformed')
    const algorithm = algorithmOf(given.algorithm)
    if (algorithm === null) return refuse(ctx, 'unknown algorithm', given.keyId)
    if (allowed.length > 0 && !allowed.includes(given.algorithm))
      return refuse(ctx, 'algorithm not allowed', given.keyId)
    if (!isTimely(ctx.headers, maxSkewMs, deps.now()))
      return refuse(ctx, 'date missing, malformed or out of range', given.keyId)
    const known = deps.sessions.peek(given.keyId, orgId)
    if (known !== undefined) return decide(ctx, given, algorithm, known)
    return deps.sessions.find(given.keyId, orgId).then((found) => decide(ctx, given, algorithm, found))
  }
}

/** The path may be signed as it was sent or, as Go's gateways have it, decoded. Both name the same resource. */
function isSigned(ctx: RequestContext, given: SignatureParameters, matches: (text: string) => boolean): boolean {
  const sent = pathAsSent(ctx)
  const text = signingString(ctx, given.headers, sent)
  if (text === null) return false
  if (matches(text)) return true
  if (sent === ctx.originalPath) return false
  const decoded = signingString(ctx, given.headers, ctx.originalPath)
  return decoded !== null && matches(decoded)
}

/** Earlier steps may have taken a version out of the path. */
function pathAsSent(ctx: RequestContext): string {
  if (ctx.path === ctx.originalPath) return ctx.rawPath
  const url = ctx.request.url ?? ''
  const question = url.indexOf('?')
  return question === -1 ? url : url.slice(0, question)
}

const rsaKeyOf = ({ publicKey }: StoredPem): KeyObject | null =>
  publicKey?.asymmetricKeyType === 'rsa' ? publicKey : null
