import { X509Certificate } from 'node:crypto'
import { generate, type SelfsignedOptions } from 'selfsigned'

/** A certificate and its private key, both in PEM form. */
export interface Identity {
  readonly cert: string
  readonly key: string
  readonly certificate: X509Certificate
  /** As it stands behind the organisation in the certificate's id. */
  readonly sha256: string
}

export interface IdentityOptions {
  readonly issuer?: Identity
  readonly days?: readonly [from: number, to: number]
  readonly pathLength?: number
  readonly purpose?: 'client' | 'server'
  readonly hash?: 'sha1' | 'sha256'
  /** Leaves the right to sign certificates out. */
  readonly signsNothing?: boolean
}

const EC = { keyType: 'ec' } as const satisfies SelfsignedOptions
const DAY_MS = 86_400_000

/** A certificate authority: its own, or another one's. */
export function createCa(cn: string, options: IdentityOptions = {}): Promise<Identity> {
  const { pathLength, signsNothing = false } = options
  return create(cn, options, [
    {
      name: 'basicConstraints',
      cA: true,
      critical: true,
      ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }),
    },
    { name: 'keyUsage', keyCertSign: !signsNothing, cRLSign: true, critical: true },
    ...(options.purpose === undefined ? [] : [purposeOf(options.purpose)]),
  ])
}

/** A certificate that signs no others. */
export function createLeaf(cn: string, options: IdentityOptions = {}): Promise<Identity> {
  return create(cn, options, [
    { name: 'basicConstraints', cA: false },
    { name: 'subjectAltName', altNames: [{ type: 2, value: cn }] },
    ...(options.purpose === undefined ? [] : [purposeOf(options.purpose)]),
  ])
}

const purposeOf = (purpose: 'client' | 'server') =>
  ({ name: 'extKeyUsage', clientAuth: purpose === 'client', serverAuth: purpose === 'server' }) as const

async function create(
  cn: string,
  { issuer, days = [-1, 365], hash = 'sha256' }: IdentityOptions,
  extensions: NonNullable<SelfsignedOptions['extensions']>,
): Promise<Identity> {
  const pair = await generate([{ name: 'commonName', value: cn }], {
    ...EC,
    algorithm: hash,
    notBeforeDate: new Date(Date.now() + days[0] * DAY_MS),
    notAfterDate: new Date(Date.now() + days[1] * DAY_MS),
    extensions,
    ...(issuer === undefined ? {} : { ca: { key: issuer.key, cert: issuer.cert } }),
  })
  const certificate = new X509Certificate(pair.cert)
  const sha256 = certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  return { cert: pair.cert, key: pair.private, certificate, sha256 }
}
