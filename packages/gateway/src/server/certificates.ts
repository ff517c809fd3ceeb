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

/** The settings and certificates of the configuration, shared by every TLS listener. */
export interface ServerTlsSettings {
  readonly base: SecureContextOptions
  readonly pairs: readonly NamedPair[]
}

export function loadServerTls(config: GatewayConfig, log: Log): ServerTlsSettings {
  const { min_version: min, max_version: max, ssl_ciphers: names } = config.http_server_options
  const { ciphers, unknown } = chooseCiphers(names, min)
  if (unknown.length > 0) log.warn({ ciphers: unknown.join(', ') }, 'Unknown cipher suites in ssl_ciphers, ignored')
  return {
    base: {
      minVersion: tlsVersionName(min),
      maxVersion: tlsVersionName(max),
      ...(ciphers === undefined ? {} : { ciphers }),
    },
    pairs: [...certificatePairs(config, log), ...storedPairs(config.http_server_options.ssl_certificates, log)],
  }
}

function certificatePairs(config: GatewayConfig, log: Log): NamedPair[] {
  const pairs: NamedPair[] = []
  for (const { domain_name: domain, cert_file: cert, key_file: key } of config.http_server_options.certificates) {
    try {
      const pair = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
      pairs.push({ pair, names: [...(domain === '' ? [] : [domain.toLowerCase()]), ...namesOf(pair.cert)] })
    } catch (err) {
      log.error({ err, cert_file: cert }, `Server error: loadkeys: ${(err as Error).message}`)
    }
  }
  return pairs
}

function storedPairs(files: readonly string[], log: Log): NamedPair[] {
  const pairs: NamedPair[] = []
  for (const file of files) {
    try {
      const pair = readKeyPair(file)
      pairs.push({ pair, names: namesOf(pair.cert) })
    } catch (err) {
      log.error({ certificate: file, reason: (err as Error).message }, 'Certificate cannot be offered')
    }
  }
  return pairs
}

/** Which certificate one listener offers: by the exact name in the TLS greeting, then by wildcard, else the first. */
export class ServerCertificates {
  readonly #settings: ServerTlsSettings
  readonly #log: Log
  #offers: readonly Offer[]
  #byName: ReadonlyMap<string, SecureContext>
  #server: Server | null = null
  #apiFiles = ''

  constructor(settings: ServerTlsSettings, log: Log) {
    this.#settings = settings
    this.#log = log
    this.#offers = this.#offersOf(settings.pairs)
    this.#byName = indexNames(this.#offers)
  }

  serverOptions(): ServerOptions {
    return {
      ...this.#settings.base,
      ...this.#offers[0]?.pair,
      SNICallback: (name, done) => done(null, this.#contextFor(name.toLowerCase())),
    }
  }

  /** The server whose certificate for clients without a name changes with `replaceApiFiles`. */
  attach(server: Server): void {
    this.#server = server
  }

  /** Offers, beside those of the configuration, the certificates that the APIs of this listener name. */
  replaceApiFiles(files: readonly string[]): void {
    const key = files.join('\n')
    if (key === this.#apiFiles) return
    this.#apiFiles = key
    this.#offers = this.#offersOf([...this.#settings.pairs, ...storedPairs(files, this.#log)])
    this.#byName = indexNames(this.#offers)
    this.#server?.setSecureContext({ ...this.#settings.base, ...this.#offers[0]?.pair })
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

/** The first certificate with a name keeps it. */
function indexNames(offers: readonly Offer[]): Map<string, SecureContext> {
  const index = new Map<string, SecureContext>()
  for (const { names, context } of offers) {
    for (const name of names) if (!index.has(name)) index.set(name, context)
  }
  return index
}
