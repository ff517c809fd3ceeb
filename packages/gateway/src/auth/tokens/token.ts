import type { SigningMethod } from './algorithms.ts'
import { methodOf } from './algorithms.ts'

export type Claims = Readonly<Record<string, unknown>>

/** A token taken apart, its signature not yet checked. */
export interface ParsedToken {
  readonly alg: string
  readonly header: Claims
  readonly claims: Claims
}

/** Why a token is no good before its signature is looked at. */
export type ParseFailure = 'malformed' | 'unexpected signing method'

const BASE64URL = /^[A-Za-z0-9_-]*$/
/** Node refuses longer headers anyway by default; a token in a query or cookie is held to the same. */
const MAX_TOKEN_LENGTH = 64 * 1024

/**
 * Takes a token in compact form apart.
 *
 * @returns the token, or a failure. An unknown algorithm makes it malformed; a known one of another family than
 * `method` has its own answer.
 */
export function parseToken(text: string, method: SigningMethod): ParsedToken | ParseFailure {
  if (text.length > MAX_TOKEN_LENGTH) return 'malformed'
  const parts = text.split('.')
  if (parts.length !== 3) return 'malformed'
  const [head, body, signature] = parts as [string, string, string]
  const header = decodeObject(head)
  const claims = decodeObject(body)
  if (header === null || claims === null || !BASE64URL.test(signature)) return 'malformed'
  const { alg } = header
  const family = typeof alg === 'string' ? methodOf(alg) : undefined
  if (family === undefined) return 'malformed'
  if (family !== method) return 'unexpected signing method'
  return { alg: alg as string, header, claims }
}

function decodeObject(part: string): Claims | null {
  if (!BASE64URL.test(part) || part.length % 4 === 1) return null
  try {
    const json: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    if (json === null) return {}
    return typeof json === 'object' && !Array.isArray(json) ? (json as Claims) : null
  } catch {
    return null
  }
}

/** A claim by its literal name. */
export const claim = (claims: Claims, name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined)

/** A claim inside nested objects, along the parts between the dots. */
export function nestedClaim(claims: Claims, path: string): unknown {
  let value: unknown = claims
  for (const part of path.split('.')) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
    value = claim(value as Claims, part)
  }
  return value
}

/** The claim of that literal name, else the nested one when the name has dots. */
export function claimOrNested(claims: Claims, name: string): unknown {
  const literal = claim(claims, name)
  return literal === undefined && name.includes('.') ? nestedClaim(claims, name) : literal
}
