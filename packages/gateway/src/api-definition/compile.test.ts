import { expect, test } from 'vitest'
import { depsWith } from '../../test/support/steps.ts'
import type { UpstreamTransport } from '../proxy/transport.ts'
import { ApiSkippedError, compileApi } from './compile.ts'
import { decodeDefinition } from './decode.ts'

test('an API whose steps cannot be compiled leaves no transport open', () => {
  let closed = 0
  const transport = { close: async () => void closed++ } as UpstreamTransport
  const entry = { path: '/x', method: 'POST', schema: { type: 'shoe' } }
  const definition = decodeDefinition({
    api_id: 'app',
    use_keyless: true,
    active: true,
    version_data: {
      not_versioned: true,
      versions: { Default: { use_extended_paths: true, extended_paths: { validate_json: [entry] } } },
    },
    proxy: { listen_path: '/app/', target_url: 'http://up.test' },
  })
  const loaded = { file: 'app.json', checksum: '', definition }
  const deps = { ...depsWith(), createTransport: () => transport }
  expect(() => compileApi(loaded, '/app/', deps)).toThrow(ApiSkippedError)
  expect(closed).toBe(1)
})
