import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Paths of PEM files; empty: none. */
export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
}

/** PEM text for a TLS client. */
export interface TlsMaterial {
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
}

/** A file that cannot be used, and the option that names it. */
export class TlsFilesError extends Error {
  readonly code = 'GATEWAY_EXTERNAL_SERVICE_TLS'
  readonly option: 'cert_file' | 'key_file' | 'ca_file'

  constructor(option: TlsFilesError['option'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.option = option
  }
}

/** @throws TlsFilesError when a file is missing, holds something else, or a certificate and a key do not belong together. */
export function readTlsFiles({ certFile, keyFile, caFile }: TlsFiles): TlsMaterial {
  if (certFile !== '' && keyFile === '') throw new TlsFilesError('key_file', 'cert_file is of no use without key_file')
  if (certFile === '' && keyFile !== '') throw new TlsFilesError('cert_file', 'key_file is of no use without cert_file')
  return {
    ...(certFile === '' ? {} : readPair(certFile, keyFile)),
    ...(caFile === '' ? {} : { ca: readAuthorities(caFile) }),
  }
}

function readPair(certFile: string, keyFile: string): TlsMaterial {
  const cert = read('cert_file', certFile)
  const key = read('key_file', keyFile)
  const leaf = parse('cert_file', certFile, 'certificate', () => new X509Certificate(cert))
  const own = parse('key_file', keyFile, 'private key', () => createPrivateKey(key))
  if (!leaf.checkPrivateKey(own)) {
    throw new TlsFilesError('key_file', `${keyFile} is not the key of the certificate in ${certFile}`)
  }
  return { cert, key }
}

function readAuthorities(file: string): string {
  const ca = read('ca_file', file)
  parse('ca_file', file, 'certificate', () => new X509Certificate(ca))
  return ca
}

function read(option: TlsFilesError['option'], file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    const { code = 'unknown error' } = err as NodeJS.ErrnoException
    throw new TlsFilesError(option, `${file} cannot be read (${code})`, { cause: err })
  }
}

function parse<T>(option: TlsFilesError['option'], file: string, what: string, make: () => T): T {
  try {
    return make()
  } catch (err) {
    throw new TlsFilesError(option, `${file} holds no usable ${what}`, { cause: err })
  }
}
