import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { CompactSign, exportJWK, type JWK } from 'jose'

/** Signs a token with jose: another implementation than the one under test. */
export async function signToken(
  claims: Record<string, unknown>,
  key: string | KeyObject,
  header: Record<string, unknown> = {},
): Promise<string> {
  const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : key
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(bytes)
}

/** A token of any header and body, with a signature that nobody made. */
export function unsignedToken(header: unknown, claims: unknown, signature = ''): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${encode(header)}.${encode(claims)}.${signature}`
}

export interface TestKeys {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** PEM of the public key, in base64: the form of `jwt_source`. */
  readonly source: string
}

export function rsaKeys(): TestKeys {
  return withSource(generateKeyPairSync('rsa', { modulusLength: 2048 }))
}

export function ecKeys(namedCurve: string): TestKeys {
  return withSource(generateKeyPairSync('ec', { namedCurve }))
}

function withSource(pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }): TestKeys {
  const pem = pair.publicKey.export({ format: 'pem', type: 'spki' }) as string
  return { ...pair, source: Buffer.from(pem).toString('base64') }
}

/** The text of the public key as it is: what a forger would take for the secret. */
export const pemOf = ({ source }: TestKeys): string => Buffer.from(source, 'base64').toString()

export const jwkOf = async (keys: TestKeys, kid: string): Promise<JWK> => ({
  ...(await exportJWK(keys.publicKey)),
  kid,
})
