import { expect, test } from 'vitest'
import { configReference } from './reference.ts'
import { gatewayConfig } from './schema.ts'
import { type ConfigSection, rowsOf } from './section.ts'

const schema = {
  http: {
    strict: { doc: 'Matches whole segments.', format: 'go-bool', default: false, env: 'X_HTTP_STRICT' },
    wait: { doc: 'How long.', format: 'go-duration', default: 10_000, env: 'X_HTTP_WAIT', pending: true },
  },
  port: { doc: 'A | B.', format: 'go-int', default: 0, generated: 80, range: [0, 9], env: 'X_PORT' },
  secret: { doc: 'Hidden.', format: 'string', default: '', generated: 'abc', sensitive: true, reference: true },
} as const satisfies ConfigSection

test('prints one table for the top level and one per section', () => {
  expect(configReference(schema)).toBe(
    [
      '## Top level',
      '',
      '| Key | Variable | Value | Default | What it does |',
      '|---|---|---|---|---|',
      '| `port` | `X_PORT` | an integer from 0 to 9 | `0`; without a file `80` | A \\| B. |',
      '| `secret` | – | a string | `""`; without a file not shown | Hidden. May be a reference. |',
      '',
      '## `http`',
      '',
      '| Key | Variable | Value | Default | What it does |',
      '|---|---|---|---|---|',
      '| `http.strict` | `X_HTTP_STRICT` | true or false | `false` | Matches whole segments. |',
      '| `http.wait` | `X_HTTP_WAIT` | an integer of nanoseconds | `10000` ms | How long. **Accepted, not in force yet.** |',
    ].join('\n'),
  )
})

test('lists every key of the gateway', () => {
  const text = configReference(gatewayConfig)
  for (const { key } of rowsOf(gatewayConfig)) expect(text).toContain(`| \`${key}\` |`)
})
