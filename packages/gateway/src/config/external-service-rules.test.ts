import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLeaf } from '../../test/support/client-certificates.ts'
import { externalServiceRefusals } from './external-service-rules.ts'
import { gatewayConfig } from './schema.ts'
import { rowsOf } from './section.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tek-rules-'))
  const [ann, bob] = [await createLeaf('ann'), await createLeaf('bob')]
  await writeFile(join(folder, 'ann.crt'), ann.cert)
  await writeFile(join(folder, 'ann.key'), ann.key)
  await writeFile(join(folder, 'bob.key'), bob.key)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function refusalsWith(changes: Record<string, unknown>): string[] {
  const values = new Map<string, unknown>(rowsOf(gatewayConfig).map(({ key, row }) => [key, row.default]))
  for (const [key, value] of Object.entries(changes)) values.set(`external_services.${key}`, value)
  return externalServiceRefusals(values).map(([key, reason]) => `${key}: ${reason.replaceAll(folder, '')}`)
}

const PROXY = 'external_services.webhooks.proxy'
const MTLS = 'external_services.oauth.mtls'

test.each<[string, () => Record<string, unknown>, string[]]>([
  ['nothing that is off', () => ({ 'global.http_proxy': 'socks5://p', 'oauth.mtls.cert_file': '/none' }), []],
  [
    'proxies that speak something else',
    () => ({ 'webhooks.proxy.enabled': true, 'webhooks.proxy.https_proxy': 'socks5://p:1080' }),
    [`${PROXY}.https_proxy: forward proxies speak http or https, not socks5`],
  ],
  [
    'proxies without a usable URL, and does not show it',
    () => ({ 'global.enabled': true, 'global.http_proxy': 'http://user:word@p:port' }),
    ['external_services.global.http_proxy: the URL of the forward proxy is malformed'],
  ],
  [
    'exemptions that are neither names, addresses nor blocks of them',
    () => ({ 'webhooks.proxy.enabled': true, 'webhooks.proxy.bypass_proxy': '.test, 10.0.0.0/8, 10.0.0.0/33' }),
    [`${PROXY}.bypass_proxy: expected names, addresses and blocks such as 10.0.0.0/8, got "10.0.0.0/33"`],
  ],
  [
    'a certificate without its key',
    () => ({ 'oauth.mtls.enabled': true, 'oauth.mtls.cert_file': join(folder, 'ann.crt') }),
    [`${MTLS}.key_file: cert_file is of no use without key_file`],
  ],
  [
    'the key of another certificate',
    () => ({
      'oauth.mtls.enabled': true,
      'oauth.mtls.cert_file': join(folder, 'ann.crt'),
      'oauth.mtls.key_file': join(folder, 'bob.key'),
    }),
    [`${MTLS}.key_file: /bob.key is not the key of the certificate in /ann.crt`],
  ],
  [
    'files that are not there, or hold something else',
    () => ({ 'oauth.mtls.enabled': true, 'oauth.mtls.ca_file': join(folder, 'ann.key') }),
    [`${MTLS}.ca_file: /ann.key holds no usable certificate`],
  ],
  [
    'nothing that a store of secrets has yet to tell',
    () => ({
      'oauth.mtls.enabled': true,
      'oauth.mtls.cert_file': 'vault://secret/tls.cert',
      'oauth.mtls.key_file': 'vault://secret/tls.key',
    }),
    [],
  ],
])('refuses %s', (_, changes, refused) => expect(refusalsWith(changes())).toEqual(refused))
