import { expect, test } from 'vitest'
import { contextFor, depsWith, outcomeOf, runSteps } from '../../test/support/steps.ts'
import type { UpstreamTransport } from '../proxy/transport.ts'
import { compileApi } from './compile.ts'
import { decodeDefinition } from './decode.ts'

test('options_passthrough lets nobody in without the certificate that mutual TLS asks for', async () => {
  const definition = decodeDefinition({
    api_id: 'app',
    use_keyless: true,
    active: true,
    use_mutual_tls_auth: true,
    CORS: { enable: true, options_passthrough: true },
    version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
    proxy: { listen_path: '/app/', target_url: 'http://up.test' },
  })
  const transport = { close: async () => {} } as UpstreamTransport
  const deps = { ...depsWith(), createTransport: () => transport }
  const api = compileApi({ file: 'app.json', checksum: '', definition }, '/app/', deps)
  const ctx = contextFor(api, { method: 'OPTIONS' })
  expect(outcomeOf(await runSteps(api.optionsChain ?? [], ctx))).toBe('403 TLS not enabled')
})
