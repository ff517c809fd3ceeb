import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions, type Server } from 'node:tls'
import { readFileSync } from 'node:fs'
import type { ServerOptions } from 'node:https'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { chooseCiphers } from '../tls/ciphers.ts'
import { namesOf, readKeyPair, type KeyPair } from '../tls/pem.ts'
import { tlsVersionName } from '../tls/versions.ts'

/** A certificate and the server names it is offered for. */
interface NamedPair {
  readonly pair: KeyPair
  readonly names: readonly string[]
}

interface Offer extends NamedPair {
  readonly context: SecureContext
}

/** What the configuration says of TLS, shared by every listener. */
export interface ServerTlsSettings {
  readonly base: SecureContextOptions
  /**
   * Reads the certificates of the configuration, and these PEM files of APIs, as they are now. Of a file that can no longer
   * be used, what was read last goes on.
   */
  readPairs(files: readonly string[]): NamedPair[]
}

export function loadServerTls(config: GatewayConfig, log: Log): ServerTlsSettings {
  const { min_version: min, max_version: max, ssl_ciphers: names } = config.http_server_options
  const { ciphers, unknown } = chooseCiphers(names, min)
  if (unknown.length > 0) log.warn({ ciphers: unknown.join(', ') }, 'Unknown cipher suites in ssl_ciphers, ignored')
  const lastGood = new Map<string, NamedPair>()
  const read = (name: string, make: () => NamedPair, onError: (err: Error) => void): NamedPair[] => {
    try {
      lastGood.set(name, make())
    } catch (err) {
      onError(err as Error)
    }
    const pair = lastGood.get(name)
    return pair === undefined ? [] : [pair]
  }
  return {
    base: {
      minVersion: tlsVersionName(min),
      maxVersion: tlsVersionName(max),
      ...(ciphers === undefined ? {} : { ciphers }),
    },
    readPairs: (files) => [
      ...config.http_server_options.certificates.flatMap(({ domain_name: domain, cert_file: cert, key_file: key }) =>
        read(
          `${cert}\n${key}\n${domain}`,
          () => configuredPair(domain, cert, key),
          (err) => log.error({ err, cert_file: cert }, `Server error: loadkeys: ${err.message}`),
        ),
      ),
      ...[...config.http_server_options.ssl_certificates, ...files].flatMap((file) =>
        read(
          file,
          () => storedPair(file),
          (err) => log.error({ certificate: file, reason: err.message }, 'Certificate cannot be offered'),
        ),
      ),
    ],
  }
}

function configuredPair(domain: string, certFile: string, keyFile: string): NamedPair {
  const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  return { pair: checked(pair), names: [...(domain === '' ? [] : [domain.toLowerCase()]), ...namesOf(pair.cert)] }
}

function storedPair(file: string): NamedPair {
  const pair = checked(readKeyPair(file))
  return { pair, names: namesOf(pair.cert) }
}

/** A renewal may be half done: the key of one certificate with the other. */
function checked(pair: KeyPair): KeyPair {
  createSecureContext(pair)
  return pair
}

/** What the APIs of a listener want of TLS. */
export interface TlsOfApis {
  /** Paths of PEM files. */
  readonly certificates: readonly string[]
  readonly asksClients: boolean
}

export interface ServerCertificatesOptions {
  readonly settings: ServerTlsSettings
  readonly log: Log
  /** Clients are asked for certificates whatever the APIs want. */
  readonly alwaysAsks?: boolean
}

/** Which certificate one listener offers: by the exact name in the TLS greeting, then by wildcard, else the first. */
export class ServerCertificates {
  readonly #settings: ServerTlsSettings
  readonly #log: Log
  #offers: readonly Offer[]
  #byName: ReadonlyMap<string, SecureContext>
  #server: Server | null = null
  #offered: string
  readonly #alwaysAsks: boolean
  #asksClients: boolean

  constructor({ settings, log, alwaysAsks = false }: ServerCertificatesOptions) {
    this.#settings = settings
    this.#alwaysAsks = alwaysAsks
    this.#asksClients = alwaysAsks
    this.#log = log
    const pairs = settings.readPairs([])
    this.#offered = contentOf(pairs)
    this.#offers = this.#offersOf(pairs)
    this.#byName = indexNames(this.#offers)
  }

  serverOptions(): ServerOptions {
    return {
      ...this.#contextOptions(),
      // Which certificates are good is for each API to say; the handshake only proves that they are the client's.
      requestCert: this.#asksClients,
      rejectUnauthorized: false,
      SNICallback: (name, done) => done(null, this.#contextFor(name.toLowerCase())),
    }
  }

  /** The server whose certificate for clients without a name changes with `follow`. */
  attach(server: Server): void {
    this.#server = server
  }

  /**
   * Offers, beside those of the configuration, the certificates that the APIs of this listener name, and asks clients for
   * theirs when one of the APIs looks at them. Every file is read again, so that a renewed certificate is offered.
   */
  follow({ certificates: files, asksClients: apisAsk }: TlsOfApis): void {
    const asksClients = apisAsk || this.#alwaysAsks
    const pairs = this.#settings.readPairs(files)
    const offered = contentOf(pairs)
    if (offered === this.#offered && asksClients === this.#asksClients) return
    this.#offered = offered
    this.#asksClients = asksClients
    this.#offers = this.#offersOf(pairs)
    this.#byName = indexNames(this.#offers)
    const server = this.#server as (Server & { requestCert: boolean }) | null
    if (server === null) return
    // Node reads this for every connection; there is no other way to change it while the server listens.
    server.requestCert = asksClients
    server.setSecureContext(this.#contextOptions())
  }

  /**
   * No session goes on where clients are asked: it would come without the issuers of its certificate, or, begun before
   * they were asked, without any.
   */
  #contextOptions(): SecureContextOptions {
    const resumption = this.#asksClients ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}
    return { ...this.#settings.base, ...this.#offers[0]?.pair, ...resumption }
  }

  #contextFor(name: string): SecureContext | undefined {
    const exact = this.#byName.get(name)
    if (exact !== undefined) return exact
    const dot = name.indexOf('.')
    const wildcard = dot === -1 ? undefined : this.#byName.get(`*${name.slice(dot)}`)
    return wildcard ?? this.#offers[0]?.context
  }

  #offersOf(pairs: readonly NamedPair[]): Offer[] {
    const offers: Offer[] = []
    for (const each of pairs) {
      try {
        offers.push({ ...each, context: createSecureContext({ ...this.#settings.base, ...each.pair }) })
      } catch (err) {
        this.#log.error({ err, names: each.names.join(', ') }, `Server error: loadkeys: ${(err as Error).message}`)
      }
    }
    return offers
  }
}

const contentOf = (pairs: readonly NamedPair[]): string => pairs.map(({ pair }) => pair.cert + pair.key).join('\n')

/** The first certificate with a name keeps it. */
function indexNames(offers: readonly Offer[]): Map<string, SecureContext> {
  const index = new Map<string, SecureContext>()
  for (const { names, context } of offers) {
    for (const name of names) if (!index.has(name)) index.set(name, context)
  }
  return index
}
