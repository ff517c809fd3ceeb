import { BlockList, isIP } from 'node:net'
import type { UpstreamTarget } from './upstream-url.ts'

/** A proxy between the gateway and upstreams. */
export interface ForwardProxy {
  readonly scheme: 'http' | 'https'
  readonly hostname: string
  readonly port: number
  /** Value of Proxy-Authorization; null: no credentials in its URL. */
  readonly authorization: string | null
}

/** Chooses the proxy for a target; null: none. */
export type ProxyChooser = (target: UpstreamTarget) => ForwardProxy | null

export class ProxyUrlError extends Error {
  readonly code = 'GATEWAY_PROXY_URL'
}

/** @throws ProxyUrlError. The URL may hold a password and is not in the message. */
export function parseProxyUrl(text: string): ForwardProxy {
  let url: URL
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`)
  } catch (err) {
    throw new ProxyUrlError('the URL of the forward proxy is malformed', { cause: err })
  }
  const scheme = url.protocol.slice(0, -1)
  if (scheme !== 'http' && scheme !== 'https') {
    throw new ProxyUrlError(`forward proxies speak http or https, not ${scheme}`)
  }
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return {
    scheme,
    hostname: url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname,
    port: url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port),
    authorization: credentials === ':' ? null : `Basic ${Buffer.from(credentials).toString('base64')}`,
  }
}

/**
 * The proxies of HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in either letter case and by Go's rules: loopback addresses are
 * never proxied; an entry of NO_PROXY is `*`, an address, a CIDR block or a domain, which covers its subdomains.
 */
export function proxyFromEnvironment(env: NodeJS.ProcessEnv): ProxyChooser {
  const read = (name: string): string => env[name] ?? env[name.toLowerCase()] ?? ''
  const proxyOf = (name: string): ForwardProxy | null => {
    const text = read(name)
    return text === '' ? null : parseProxyUrl(text)
  }
  const http = proxyOf('HTTP_PROXY')
  const https = proxyOf('HTTPS_PROXY')
  if (http === null && https === null) return () => null
  const isExempt = exemptions(read('NO_PROXY'))
  return (target) => {
    const proxy = target.scheme === 'https' ? https : http
    return proxy === null || isLoopback(target.hostname) || isExempt(target) ? null : proxy
  }
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

const isLoopback = (hostname: string): boolean => hostname.toLowerCase() === 'localhost' || isIn(LOOPBACK, hostname)

function isIn(list: BlockList, hostname: string): boolean {
  const version = isIP(hostname)
  return version !== 0 && list.check(hostname, version === 4 ? 'ipv4' : 'ipv6')
}

type Exemption = (hostname: string, port: number) => boolean

/**
 * Whether a target is to be reached without a proxy.
 *
 * @param text - as in NO_PROXY, by the rules above.
 */
export function exemptions(text: string): (target: UpstreamTarget) => boolean {
  const rules = text
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .map(exemption)
  return ({ hostname, port }) => rules.some((rule) => rule(hostname.toLowerCase(), port))
}

function exemption(entry: string): Exemption {
  if (entry === '*') return () => true
  const block = /^(.+)\/(\d{1,3})$/.exec(entry)
  if (block !== null && isIP(block[1] as string) !== 0) return inBlock(block[1] as string, Number(block[2]))
  const { name, port: wanted } = splitPort(entry)
  const portMatches = (port: number): boolean => wanted === null || wanted === port
  if (isIP(name) !== 0) return (hostname, port) => hostname === name && portMatches(port)
  const bare = name.startsWith('*.') ? name.slice(1) : name
  const suffix = bare.startsWith('.') ? bare : `.${bare}`
  const self = bare.startsWith('.') ? null : bare
  return (hostname, port) => (hostname.endsWith(suffix) || hostname === self) && portMatches(port)
}

function inBlock(address: string, bits: number): Exemption {
  const list = new BlockList()
  list.addSubnet(address, bits, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  return (hostname) => isIn(list, hostname)
}

function splitPort(entry: string): { name: string; port: number | null } {
  if (isIP(entry) === 6) return { name: entry, port: null }
  const match = /^(.*):(\d+)$/.exec(entry)
  const name = match === null ? entry : (match[1] as string)
  return {
    name: name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name,
    port: match === null ? null : Number(match[2]),
  }
}
