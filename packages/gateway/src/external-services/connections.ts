import { isDeepStrictEqual } from 'node:util'
import type * as Undici from 'undici'
import type { Dispatcher } from 'undici'
import type { CertificateStore } from '../auth/certificate-store.ts'
import type { Log } from '../log/log.ts'
import { exemptions, parseProxyUrl, proxyFromEnvironment, type ForwardProxy } from '../proxy/forward-proxy.ts'
import { parseTarget } from '../proxy/upstream-url.ts'
import { trustSystemRoots } from '../tls/roots.ts'
import type { Proxies, ServiceSettings, ServiceTls } from './settings.ts'
import { readTlsFiles, type TlsMaterial } from './tls-files.ts'

/** Connections to the servers of one service, directly or over proxies. */
export interface Connections {
  /** For one request to this URL. Rejects when a certificate that is needed cannot be had. */
  dispatcherFor(url: URL): Promise<Dispatcher>
  /** Reads certificates again before the next call. Those that cannot be used leave the last good ones in force. */
  refresh(): void
  /** Ends calls under way. */
  close(): Promise<void>
}

export interface ConnectionsDeps {
  readonly env: NodeJS.ProcessEnv
  readonly certificateStore: Pick<CertificateStore, 'find'>
  readonly log: Log
}

/** What TLS towards the servers is made of. */
interface TlsOptions extends TlsMaterial {
  readonly rejectUnauthorized: boolean
  readonly minVersion?: ServiceTls['minVersion']
  readonly maxVersion?: ServiceTls['maxVersion']
}

interface Made {
  readonly tls: TlsOptions
  choose(url: URL): Dispatcher
  destroy(): Promise<unknown>
}

/** Longer than any call: those that began on connections with older certificates end on them. */
const RETIRED_MS = 60_000

export function createConnections(settings: ServiceSettings, deps: ConnectionsDeps): Connections {
  const { certificateStore, log } = deps
  const retired = new Set<Made>()
  let made: Made | null = null
  let running: Promise<Made> | null = null
  let isStale = true
  let closed = false

  async function make(): Promise<Made> {
    isStale = false
    try {
      const tls = await readTls(settings.tls, certificateStore)
      if (made !== null && isDeepStrictEqual(tls, made.tls)) return made
      trustSystemRoots()
      // Loaded with the first call: it needs 100 ms, and most gateways make none.
      const next = createDispatchers(await import('undici'), settings.proxies, tls, deps.env)
      if (made !== null) retire(made)
      made = next
      return next
    } catch (err) {
      isStale = true
      if (made === null) throw err
      log.error({ err }, 'Certificates for calls of the gateway cannot be used, the last good ones stay in force')
      isStale = false
      return made
    }
  }

  function retire(before: Made): void {
    retired.add(before)
    setTimeout(() => {
      retired.delete(before)
      void before.destroy()
    }, RETIRED_MS).unref()
  }

  return {
    async dispatcherFor(url) {
      if (closed) throw new Error('the gateway is stopping')
      if (made !== null && !isStale) return made.choose(url)
      running ??= make().finally(() => (running = null))
      return (await running).choose(url)
    },
    refresh() {
      isStale = true
    },
    async close() {
      closed = true
      await running?.catch(() => {})
      await Promise.all([...retired, ...(made === null ? [] : [made])].map((each) => each.destroy()))
    },
  }
}

async function readTls(settings: ServiceTls, store: Pick<CertificateStore, 'find'>): Promise<TlsOptions> {
  const { files, authorities, verify, minVersion, maxVersion } = settings
  const stored = await Promise.all(authorities.map((id) => findAuthority(id, store)))
  return {
    ...readTlsFiles(files),
    ...(stored.length === 0 ? {} : { ca: stored.join('\n') }),
    rejectUnauthorized: verify,
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  }
}

/** Without one of them others would be trusted than the configuration says. */
async function findAuthority(id: string, store: Pick<CertificateStore, 'find'>): Promise<string> {
  const certificates = (await store.find(id))?.certificates ?? []
  if (certificates.length === 0) throw new Error(`certificate ${id} of ca_cert_ids is not in the store`)
  return certificates.map((certificate) => certificate.toString()).join('\n')
}

type Undicis = typeof Undici

function createDispatchers(undici: Undicis, proxies: Proxies | null, tls: TlsOptions, env: NodeJS.ProcessEnv): Made {
  const agents: Dispatcher[] = []
  const add = <T extends Dispatcher>(agent: T): T => {
    agents.push(agent)
    return agent
  }
  const direct = add(new undici.Agent({ connect: tls }))
  const choose =
    proxies === null ? byEnvironment(undici, tls, env, direct, add) : byConfiguration(undici, tls, proxies, direct, add)
  return { tls, choose, destroy: () => Promise.all(agents.map((agent) => agent.destroy())) }
}

type Choose = (url: URL) => Dispatcher
type Add = <T extends Dispatcher>(agent: T) => T

function byEnvironment(undici: Undicis, tls: TlsOptions, env: NodeJS.ProcessEnv, direct: Dispatcher, add: Add): Choose {
  const proxyFor = proxyFromEnvironment(env)
  // One per scheme at most: the environment names no more.
  const known = new Map<string, Dispatcher>()
  return (url) => {
    const proxy = proxyFor(parseTarget(url.href))
    if (proxy === null) return direct
    const uri = proxyUri(proxy)
    let agent = known.get(uri)
    if (agent === undefined) {
      agent = add(agentThrough(undici, proxy, tls))
      known.set(uri, agent)
    }
    return agent
  }
}

function byConfiguration(undici: Undicis, tls: TlsOptions, proxies: Proxies, direct: Dispatcher, add: Add): Choose {
  const through = (proxy: string): Dispatcher =>
    proxy === '' ? direct : add(agentThrough(undici, parseProxyUrl(proxy), tls))
  const [http, https] = [through(proxies.http), through(proxies.https)]
  const isExempt = exemptions(proxies.bypass)
  return (url) => {
    if (isExempt(parseTarget(url.href))) return direct
    return url.protocol === 'https:' ? https : http
  }
}

function agentThrough(undici: Undicis, proxy: ForwardProxy, tls: TlsOptions): Dispatcher {
  const token = proxy.authorization === null ? {} : { token: proxy.authorization }
  return new undici.ProxyAgent({ uri: proxyUri(proxy), requestTls: tls, ...token })
}

const proxyUri = ({ scheme, hostname, port }: ForwardProxy): string =>
  `${scheme}://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`
