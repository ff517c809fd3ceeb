import { isIP } from 'node:net'
import { readTlsFiles, TlsFilesError } from '../external-services/tls-files.ts'
import { parseProxyUrl, ProxyUrlError } from '../proxy/forward-proxy.ts'
import type { Refusal } from './tls-rules.ts'

const SERVICES = ['oauth', 'webhooks'] as const
/** Paths that Consul or Vault has yet to tell: the first call looks at the files. */
const TOLD_LATER = /^(?:consul|vault|kv):\/\/|\$kv\{/

/** Proxies and files of the gateway's own calls that cannot be used: found at the start, not by the first call. */
export function externalServiceRefusals(values: ReadonlyMap<string, unknown>): Refusal[] {
  const refusals: Refusal[] = []
  for (const section of ['global', ...SERVICES.map((service) => `${service}.proxy`)]) {
    const key = (name: string): string => `external_services.${section}.${name}`
    if (values.get(key('enabled')) !== true) continue
    for (const name of [key('http_proxy'), key('https_proxy')]) {
      const problem = proxyProblem(values.get(name) as string)
      if (problem !== null) refusals.push([name, problem])
    }
    const bypass = key('bypass_proxy')
    const odd = oddExemption(values.get(bypass) as string)
    if (odd !== null) refusals.push([bypass, `expected names, addresses and blocks such as 10.0.0.0/8, got "${odd}"`])
  }
  for (const service of SERVICES) {
    const key = (name: string): string => `external_services.${service}.mtls.${name}`
    if (values.get(key('enabled')) !== true) continue
    const path = (name: string): string => values.get(key(name)) as string
    const files = { certFile: path('cert_file'), keyFile: path('key_file'), caFile: path('ca_file') }
    if (Object.values(files).some((file) => TOLD_LATER.test(file))) continue
    try {
      readTlsFiles(files)
    } catch (err) {
      if (!(err instanceof TlsFilesError)) throw err
      refusals.push([key(err.option), err.message])
    }
  }
  return refusals
}

/** Something with a slash that is no block of addresses; null: there is none. */
function oddExemption(list: string): string | null {
  const isBlock = (entry: string): boolean => {
    const [address = '', bits = '', ...more] = entry.split('/')
    const version = isIP(address)
    return version !== 0 && more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
  }
  const entries = list.split(',').map((entry) => entry.trim())
  return entries.find((entry) => entry.includes('/') && !isBlock(entry)) ?? null
}

function proxyProblem(text: string): string | null {
  if (text === '') return null
  try {
    parseProxyUrl(text)
    return null
  } catch (err) {
    if (err instanceof ProxyUrlError || err instanceof URIError) return err.message
    throw err
  }
}
