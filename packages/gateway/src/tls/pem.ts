import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A certificate, key or pin that the configuration names cannot be used. */
export class CertificateError extends Error {
  readonly code = 'GATEWAY_CERTIFICATE'
}

/** PEM text. */
export interface KeyPair {
  /** The leaf and its chain. */
  readonly cert: string
  readonly key: string
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const PRIVATE_KEY = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[^-]+-----END \1-----/
const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/

/**
 * Reads a PEM file with a key, its certificate and the chain, in any order.
 *
 * @throws CertificateError naming what is missing. An id in a certificate store is no file, and the error says so.
 */
export function readKeyPair(file: string): KeyPair {
  const text = readPem(file)
  const certificates = text.match(CERTIFICATES)
  const key = PRIVATE_KEY.exec(text)?.[0]
  if (certificates === null) throw new CertificateError(`${file} holds no certificate`)
  if (key === undefined) throw new CertificateError(`${file} holds no private key`)
  return { cert: certificates.join('\n'), key }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    const message = `"${file}" is not a readable PEM file; ids of a certificate store are not supported in this version`
    throw new CertificateError(message, { cause: err })
  }
}

/** The names a certificate is for, in lower case: its common name and its alternative DNS names. */
export function namesOf(pem: string): string[] {
  const { subject, subjectaltname } = new X509Certificate(pem).toLegacyObject()
  const { CN: common } = subject as { CN?: string | string[] }
  const names = common === undefined ? [] : [common].flat()
  for (const part of (subjectaltname ?? '').split(', ')) if (part.startsWith('DNS:')) names.push(part.slice(4))
  return [...new Set(names.map((name) => name.toLowerCase()))]
}

/** SHA-256 of a public key in DER form, the form in which keys are pinned. */
export function keyFingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

const KEY_ID = /[0-9a-f]{64}$/i

/**
 * The fingerprint that a pin stands for. The id of a stored public key ends in its fingerprint, so no store is asked;
 * anything else is the path of a PEM file with a public key or a certificate.
 *
 * @throws CertificateError when it is neither.
 */
export function pinnedFingerprint(pin: string): string {
  const id = KEY_ID.exec(pin)
  if (id !== null) return id[0].toLowerCase()
  const text = readPem(pin)
  const pem = PUBLIC_KEY.exec(text)?.[0] ?? text.match(CERTIFICATES)?.[0]
  if (pem === undefined) throw new CertificateError(`${pin} holds neither a public key nor a certificate`)
  try {
    return keyFingerprint(createPublicKey(pem))
  } catch (err) {
    throw new CertificateError(`${pin} holds no usable public key`, { cause: err })
  }
}
