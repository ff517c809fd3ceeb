import { createHash, X509Certificate } from 'node:crypto'
import {
  checkServerIdentity,
  createSecureContext,
  type ConnectionOptions,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls'
import { isIP } from 'node:net'
import type { ApiDefinition } from '../api-definition/schema.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { chooseCiphers } from '../tls/ciphers.ts'
import { CertificateError, keyFingerprint, pinnedFingerprint, readKeyPair, type KeyPair } from '../tls/pem.ts'
import { trustSystemRoots } from '../tls/roots.ts'
import { tlsVersionName } from '../tls/versions.ts'
import { valueForHost, type HostMap } from './host-pattern.ts'
import type { UpstreamTarget } from './upstream-url.ts'

/** How the TLS connections of one API are made. */
export interface UpstreamTls {
  /** Without ALPN; the server name is always the target's. */
  connectOptions(target: UpstreamTarget): ConnectionOptions
  /**
   * What the handshake itself does not check.
   *
   * @throws CertificateError when the peer is not the one that the configuration asks for.
   */
  check(socket: TLSSocket, target: UpstreamTarget): void
}

export interface CompiledUpstreamTls extends UpstreamTls {
  /** Equal for APIs whose TLS connections are made and checked alike, whatever the host; a hash. */
  readonly identity: string
}

/** Rewritten URLs can name any number of hosts. */
const MAX_HOSTS = 1000

interface HostSettings {
  readonly options: ConnectionOptions
  /** null: no pin for this host. */
  readonly pins: ReadonlySet<string> | null
}

/**
 * Compiles the TLS settings of an API: its own before the gateway's.
 *
 * @throws CertificateError, RangeError or OpenSSL's error when a setting cannot be used.
 */
export function compileUpstreamTls(definition: ApiDefinition, config: GatewayConfig, log: Log): CompiledUpstreamTls {
  const { transport } = definition.proxy
  const skipVerify = transport.ssl_insecure_skip_verify || config.proxy_ssl_insecure_skip_verify
  const commonName = transport.ssl_force_common_name_check || config.ssl_force_common_name_check
  const base = { ...versionRange(definition, config), ...cipherOptions(definition, config, log) }
  // Now, not at the first request: OpenSSL may refuse the list.
  if (base.ciphers !== undefined) createSecureContext(base)
  // Not at the first request, where that can be foreseen.
  if (/^https:/i.test(definition.proxy.target_url)) trustSystemRoots()
  const certificates = clientCertificates(definition, config)
  const pins = pinnedKeys(definition, config)
  const identity = { skipVerify, commonName, ...base, certificates: certificates.all, pins: pins.all }
  const settings = new Map<string, HostSettings>()

  const settingsFor = (target: UpstreamTarget): HostSettings => {
    const known = settings.get(target.key)
    if (known !== undefined) return known
    trustSystemRoots()
    const pinned = pins.forHost(target)
    const pair = certificates.forHost(target)
    const options: ConnectionOptions = {
      secureContext: createSecureContext({ ...base, ...pair }),
      servername: isIP(target.hostname) === 0 ? target.hostname : '',
      host: target.hostname,
      // The pin takes the place of the chain: pinned keys are often those of private certificates.
      rejectUnauthorized: !skipVerify && pinned === null,
      checkServerIdentity: (host, certificate) =>
        checkServerIdentity(host, certificate) ?? (commonName ? commonNameProblem(host, certificate) : undefined),
    }
    const made = { options, pins: pinned }
    if (settings.size >= MAX_HOSTS) settings.clear()
    settings.set(target.key, made)
    return made
  }
  return {
    identity: createHash('sha256').update(JSON.stringify(identity)).digest('base64'),
    connectOptions: (target) => settingsFor(target).options,
    check(socket, target) {
      const { pins: pinned, options } = settingsFor(target)
      if (pinned !== null) checkPins(socket, target, pinned)
      // Node asks for the identity only of a peer that it verifies.
      if (commonName && options.rejectUnauthorized === false) {
        const problem = commonNameProblem(target.hostname, socket.getPeerCertificate())
        if (problem !== undefined) throw problem
      }
      if (config.proxy_ssl_disable_renegotiation) socket.disableRenegotiation()
    },
  }
}

function versionRange(
  definition: ApiDefinition,
  config: GatewayConfig,
): Pick<ConnectionOptions, 'minVersion' | 'maxVersion'> {
  const { ssl_min_version: apiMin, ssl_max_version: apiMax } = definition.proxy.transport
  if (apiMin > 0 && apiMax > 0 && apiMin > apiMax) {
    throw new RangeError(`proxy.transport.ssl_min_version ${apiMin} is above ssl_max_version ${apiMax}`)
  }
  const [min, max] = upstreamVersions(definition, config)
  return { minVersion: tlsVersionName(min), maxVersion: tlsVersionName(max) }
}

/** Where only one bound is the API's, the other gives way. */
function upstreamVersions(definition: ApiDefinition, config: GatewayConfig): readonly [min: number, max: number] {
  const { ssl_min_version: apiMin, ssl_max_version: apiMax } = definition.proxy.transport
  const min = apiMin || config.proxy_ssl_min_version
  const max = apiMax || config.proxy_ssl_max_version
  if (min <= max) return [min, max]
  return apiMax > 0 ? [max, max] : [min, min]
}

function cipherOptions(definition: ApiDefinition, config: GatewayConfig, log: Log): Pick<ConnectionOptions, 'ciphers'> {
  const own = definition.proxy.transport.ssl_ciphers
  const names = own.length > 0 ? own : config.proxy_ssl_ciphers
  const { ciphers, unknown } = chooseCiphers(names, upstreamVersions(definition, config)[0])
  if (unknown.length > 0) {
    log.warn({ api_id: definition.api_id, ciphers: unknown.join(', ') }, 'Unknown cipher suites for upstreams, ignored')
  }
  return ciphers === undefined ? {} : { ciphers }
}

/**
 * The PEM files that an API's connections to upstreams are made with. What is in them belongs to its definition: when one
 * is renewed, the API is another one.
 */
export function filesOfUpstreamTls(definition: ApiDefinition, config: GatewayConfig): string[] {
  const pinned = [...valuesOf(pinMaps(definition, config))].flatMap((pins) => pins.split(',').map((pin) => pin.trim()))
  return [...valuesOf(certificateMaps(definition, config)), ...pinned]
}

const certificateMaps = (definition: ApiDefinition, config: GatewayConfig): readonly HostMap[] => [
  config.security.certificates.upstream,
  definition.upstream_certificates_disabled ? {} : definition.upstream_certificates,
]

const pinMaps = (definition: ApiDefinition, config: GatewayConfig): readonly HostMap[] => [
  config.security.pinned_public_keys,
  definition.certificate_pinning_disabled ? {} : definition.pinned_public_keys,
]

/** What maps from host patterns to files or ids came to. */
interface ByHost<T> {
  forHost(target: UpstreamTarget): T | null
  /** Everything in them, in one order. */
  readonly all: unknown
}

function byHost<T>(
  maps: readonly HostMap[],
  meanings: ReadonlyMap<string, T>,
  textOf: (meaning: T) => unknown,
): ByHost<T> {
  const texts = new Map([...meanings].map(([value, meaning]) => [value, textOf(meaning)]))
  return {
    forHost({ hostname, port }) {
      const value = valueForHost(maps, hostname, port)
      return value === null ? null : (meanings.get(value) ?? null)
    },
    all: maps.map((map) =>
      Object.keys(map)
        .toSorted()
        .map((pattern) => [pattern, texts.get(map[pattern] ?? '') ?? null]),
    ),
  }
}

/** The client certificates. Every file is read now: one that is missing must not be found out by a request. */
function clientCertificates(definition: ApiDefinition, config: GatewayConfig): ByHost<KeyPair> {
  const maps = certificateMaps(definition, config)
  const pairs = new Map<string, KeyPair>()
  for (const file of valuesOf(maps)) pairs.set(file, readKeyPair(file))
  return byHost(maps, pairs, ({ cert, key }) => [cert, key])
}

function pinnedKeys(definition: ApiDefinition, config: GatewayConfig): ByHost<ReadonlySet<string>> {
  const maps = pinMaps(definition, config)
  const fingerprints = new Map<string, ReadonlySet<string>>()
  for (const pins of valuesOf(maps)) {
    fingerprints.set(pins, new Set(pins.split(',').map((pin) => pinnedFingerprint(pin.trim()))))
  }
  return byHost(maps, fingerprints, (pins) => [...pins].toSorted())
}

const valuesOf = (maps: readonly HostMap[]): Set<string> =>
  new Set(maps.flatMap((map) => Object.values(map)).filter((value) => value !== ''))

function commonNameProblem(host: string, { subject }: PeerCertificate): Error | undefined {
  const names = [subject?.CN ?? []].flat()
  if (names.some((name) => name.toLowerCase() === host.toLowerCase())) return undefined
  return new CertificateError(`the common name ${names.join(', ') || '(none)'} of the certificate is not ${host}`)
}

/** Any certificate of the chain may have the key. */
function checkPins(socket: TLSSocket, target: UpstreamTarget, pins: ReadonlySet<string>): void {
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  const seen = new Set<DetailedPeerCertificate>()
  while (certificate?.raw !== undefined && !seen.has(certificate)) {
    seen.add(certificate)
    if (pins.has(keyFingerprint(new X509Certificate(certificate.raw).publicKey))) return
    certificate = certificate.issuerCertificate
  }
  throw new CertificateError(
    `https://${target.hostname} certificate public key pinning error. Public keys do not match.`,
  )
}
