import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { authorityFiles, consulOrigin } from '../secrets/consul.ts'
import type { Refusal } from './tls-rules.ts'

/** Settings of Consul and Vault that no request could be sent with. */
export function secretRefusals(values: ReadonlyMap<string, unknown>): Refusal[] {
  return [
    ...addressRefusals(values),
    ...['kv.consul.token', 'kv.vault.token']
      .filter((key) => !/^[\x21-\x7e]*$/.test(textOf(values, key)))
      .map((key): Refusal => [key, 'a token has no blanks and only ASCII characters; this one has others']),
    ...tlsRefusals(values),
  ]
}

const textOf = (values: ReadonlyMap<string, unknown>, key: string): string => values.get(key) as string

function addressRefusals(values: ReadonlyMap<string, unknown>): Refusal[] {
  const vault = ['kv.vault.address', 'kv.vault.agent_address'].filter((key) => textOf(values, key) !== '')
  const refusals = vault.filter((key) => !isOrigin(textOf(values, key))).map((key) => refuseAddress(key, ''))
  const address = textOf(values, 'kv.consul.address')
  if (address !== '' && !isOrigin(originOfConsul(values)))
    refusals.push(refuseAddress('kv.consul.address', 'host:port or '))
  return refusals
}

const originOfConsul = (values: ReadonlyMap<string, unknown>): string =>
  consulOrigin({
    address: textOf(values, 'kv.consul.address'),
    scheme: values.get('kv.consul.scheme') as '' | 'http' | 'https',
  })

/** What came is not shown: credentials in a URL are one of the reasons. */
const refuseAddress = (key: string, form: string): Refusal => [
  key,
  `expected ${form}a URL such as https://host:port, without path, query and credentials`,
]

function isOrigin(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false
  const { username, password, pathname, search, hash } = new URL(text)
  return username === '' && password === '' && pathname === '/' && search === '' && hash === ''
}

const TLS = 'kv.consul.tls_config'

function tlsRefusals(values: ReadonlyMap<string, unknown>): Refusal[] {
  if (textOf(values, 'kv.consul.address') === '') return []
  const [caFile, caPath, certFile, keyFile] = ['ca_file', 'ca_path', 'cert_file', 'key_file'].map((name) =>
    textOf(values, `${TLS}.${name}`),
  ) as [string, string, string, string]
  const refusals: Refusal[] = []
  const check = (key: string, use: () => void): void => {
    try {
      use()
    } catch (err) {
      refusals.push([`${TLS}.${key}`, `cannot be used (${(err as NodeJS.ErrnoException).code ?? 'not PEM'})`])
    }
  }
  if (caFile !== '') check('ca_file', () => void createSecureContext({ ca: readFileSync(caFile) }))
  if (caPath !== '') {
    check('ca_path', () => {
      for (const file of authorityFiles(caPath)) createSecureContext({ ca: readFileSync(file) })
    })
  }
  if ((certFile === '') !== (keyFile === '')) {
    refusals.push([`${TLS}.${certFile === '' ? 'cert_file' : 'key_file'}`, 'certificate and key are needed together'])
  } else if (certFile !== '') {
    check('cert_file', () => void createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) }))
  }
  const isUsed = [caFile, caPath, certFile].some((file) => file !== '')
  if (isUsed && !/^https:/i.test(originOfConsul(values))) {
    refusals.push(['kv.consul.scheme', `${TLS} has no effect over http: set https`])
  }
  return refusals
}
