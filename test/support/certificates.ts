import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate, type SelfsignedOptions } from 'selfsigned'

export interface Certificate {
  readonly cert: string
  readonly key: string
  /** A PEM file with the key and the certificate. */
  readonly file: string
  readonly certFile: string
  readonly keyFile: string
}

export interface CertificateRequest {
  /** Common name; also the first DNS name unless `names` says otherwise. */
  readonly cn: string
  readonly names?: readonly string[]
  readonly ips?: readonly string[]
}

/** A certificate authority of one test file. Disposing it removes its files. */
export interface Authority extends AsyncDisposable {
  readonly cert: string
  readonly certFile: string
  issue(request: CertificateRequest): Promise<Certificate>
}

const EC = { keyType: 'ec', algorithm: 'sha256' } as const satisfies SelfsignedOptions

export async function createAuthority(cn = 'test authority'): Promise<Authority> {
  const dir = await mkdtemp(join(tmpdir(), 'tek-certificates-'))
  const own = await generate([{ name: 'commonName', value: cn }], {
    ...EC,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const certFile = join(dir, 'authority.pem')
  await writeFile(certFile, own.cert)
  let issued = 0
  return {
    cert: own.cert,
    certFile,
    async issue(request) {
      const { names = [request.cn], ips = [] } = request
      const pair = await generate([{ name: 'commonName', value: request.cn }], {
        ...EC,
        ca: { key: own.private, cert: own.cert },
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          {
            name: 'subjectAltName',
            altNames: [
              ...names.map((value) => ({ type: 2 as const, value })),
              ...ips.map((ip) => ({ type: 7 as const, ip })),
            ],
          },
        ],
      })
      const base = join(dir, String(++issued))
      const files = { file: `${base}.pem`, certFile: `${base}.crt`, keyFile: `${base}.key` }
      await writeFile(files.file, `${pair.private}\n${pair.cert}`)
      await writeFile(files.certFile, pair.cert)
      await writeFile(files.keyFile, pair.private)
      return { cert: pair.cert, key: pair.private, ...files }
    },
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true })
    },
  }
}
