// Hot path.
import { hash, timingSafeEqual } from 'node:crypto'
import { toByteString } from '../../byte-string.ts'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { AuthConfig } from '../../api-definition/schema.ts'
import { decodeKey } from '../../auth/key-format.ts'
import { queryValue } from '../../auth/query.ts'
import type { RequestContext } from '../../chain/context.ts'
import { canonicalHeaderName } from '../../chain/headers.ts'
import type { Answer, ChainDeps } from '../../chain/types.ts'
import { compileTemplate, definitionSources, type SecretSources, type Template } from '../../chain/variables.ts'
import { errorRow, gatewayErrors } from '../../errors/catalogue.ts'

/** Answers when the signature beside a key is not good. `ctx.session` must be the key's. */
export type SignatureCheck = (ctx: RequestContext, token: string) => Answer | undefined

const HASHES: ReadonlyMap<string, string> = new Map([
  ['MasherySHA256', 'sha256'],
  ['MasheryMD5', 'md5'],
])
const UNKNOWN_ALGORITHM: Answer = { kind: 'error', error: gatewayErrors.signatureAlgorithm }
/** `kv` forms are left to variables. */
const UNRESOLVED = /(?:env|secrets|(?<![A-Za-z])file|consul|vault):\/\//
const VARIABLE =
  /\$secret_(?:env|conf)\.[A-Za-z0-9_.-]+|\$secret_(?:vault|consul|file)\.[A-Za-z0-9_./-]+|\$kv\{[^}]*\}/g
/** Each second within the skew is a hash more for a wrong signature. */
const MAX_SKEW_S = 3600

/** Null when the definition asks for no signature. */
export function compileSignatureCheck(
  config: AuthConfig,
  { apiId, orgId }: CompiledApi,
  deps: ChainDeps,
): SignatureCheck | null {
  if (!config.validate_signature) return null
  const { signature: options } = config
  const algorithm = HASHES.get(options.algorithm)
  if (algorithm === undefined) {
    deps.log.error({ api_id: apiId, algorithm: options.algorithm }, 'Signature algorithm unknown, every key is refused')
    return () => UNKNOWN_ALGORITHM
  }
  const read = compilePlace(options)
  const secretOf = compileSecret(options.secret, definitionSources(deps))
  const skewSeconds = Math.min(Math.max(options.allowed_clock_skew, 0), MAX_SKEW_S)
  if (skewSeconds < options.allowed_clock_skew) {
    deps.log.warn(
      { api_id: apiId, seconds: MAX_SKEW_S },
      'allowed_clock_skew is too large, taking the most there can be',
    )
  }
  const { error_code: code, error_message: message } = options
  const error = errorRow(code === 0 ? 401 : code, message === '' ? 'Request signature verification failed' : message)
  const refused: Answer = { kind: 'error', error }
  return (ctx, token) => {
    const given = Buffer.from(read(ctx).toLowerCase(), 'latin1')
    const secret = secretOf(ctx)
    if (given.length === 0 || secret === '') return refused
    const text = toByteString(signedKey(token, orgId)) + secret
    const nowSeconds = Math.floor(deps.now() / 1000)
    for (let off = 0; off <= skewSeconds; off++) {
      if (isDigest(given, algorithm, text + String(nowSeconds - off))) return undefined
      if (isDigest(given, algorithm, text + String(nowSeconds + off))) return undefined
    }
    return refused
  }
}

/**
 * Empty when a reference or variable anywhere in the text leads to nothing: what is left is known to whoever has seen
 * the definition, and must not pass for the secret.
 */
function compileSecret(text: string, sources: SecretSources): Template {
  if (UNRESOLVED.test(text)) return () => ''
  const secretOf = compileTemplate(text, sources)
  const parts = [...text.matchAll(VARIABLE)].map(([token]) => compileTemplate(token, sources))
  if (parts.length === 0) return secretOf
  return (ctx) => (parts.every((part) => part(ctx) !== '') ? secretOf(ctx) : '')
}

/** A parameter goes before the header. Values are byte strings. */
function compilePlace({ header, use_param, param_name }: AuthConfig['signature']): (ctx: RequestContext) => string {
  const name = canonicalHeaderName(header)
  const param = use_param || param_name !== '' ? toByteString(param_name === '' ? header : param_name) : null
  return (ctx) => {
    const value = param === null || ctx.query === '' ? '' : queryValue(ctx.query, param)
    return value === '' ? (ctx.headers.get(name) ?? '') : value
  }
}

/** The part of a key that its holder knows it by. */
function signedKey(token: string, orgId: string): string {
  if (orgId !== '' && token.startsWith(orgId)) return token.slice(orgId.length)
  return decodeKey(token)?.id || token
}

function isDigest(given: Buffer, algorithm: string, text: string): boolean {
  const expected = Buffer.from(hash(algorithm, Buffer.from(text, 'latin1')), 'latin1')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
