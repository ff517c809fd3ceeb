/**
 * The list of what a plain reverse proxy gets wrong has 75 rows: "Routing and reverse proxy", section 27. Each has tests in
 * this folder whose names begin with its number, e.g. `27.14 keeps the query …`, or a reason not to.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeDefinition } from '../../src/api-definition/decode.ts'
import { pendingFeatures, unguardedReason } from '../../src/api-definition/guards.ts'
import { withVersion } from '../support/api.ts'

const ROWS = Array.from({ length: 75 }, (_, i) => i + 1)

/** Rows of features that are not built, each with a definition that asks for it, and what the gateway says then. */
const NOT_BUILT: Readonly<Record<number, readonly [says: string, definition: Record<string, unknown>]>> = {
  51: ['proxy.enable_load_balancing', { proxy: { enable_load_balancing: true, target_list: ['http://a'] } }],
  52: ['proxy.enable_load_balancing', { proxy: { enable_load_balancing: true, target_list: ['http://a'] } }],
  53: ['proxy.service_discovery', { proxy: { service_discovery: { use_discovery_service: true } } }],
  54: [
    'extended_paths.circuit_breakers',
    withVersion({ extended_paths: { circuit_breakers: [{ path: '/', method: 'GET', threshold_percent: 0.5 }] } }),
  ],
  55: ['cache_options', { cache_options: { enable_cache: true } }],
  56: ['cache_options', { cache_options: { enable_cache: true } }],
  63: [
    'extended_paths.url_rewrites to tyk://',
    withVersion({
      extended_paths: {
        url_rewrites: [{ path: '/', method: 'GET', match_pattern: '/', rewrite_to: 'tyk://self/x' }],
      },
    }),
  ],
  71: ['error_overrides', { error_overrides: { 500: [{ response: { status_code: 503 } }] } }],
}

/** Rows that take minutes in full: a smaller form is here, the rest where this says. */
const LONG: Readonly<Record<number, readonly [file: string, words: string]>> = {
  41: ['../../../../test/e2e/streams.slow.test.ts', '1 GiB'],
}

const sources = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.test.ts') && file !== 'table.test.ts')
  .map((file) => [file, readFileSync(new URL(file, import.meta.url), 'utf8')] as const)

/** Files by the rows that the names of their tests begin with. */
function rowsInNames(): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>()
  for (const [file, text] of sources) {
    for (const [, row] of text.matchAll(/['"`]27\.(\d+) /g)) {
      found.set(Number(row), (found.get(Number(row)) ?? new Set()).add(file))
    }
  }
  return found
}

const tested = rowsInNames()

test.each(ROWS)('row %i is tested, or its feature is not built', (row) => {
  const files = [...(tested.get(row) ?? [])]
  const notBuilt = NOT_BUILT[row]
  if (notBuilt === undefined) {
    expect(files).not.toEqual([])
    return
  }
  const [says, definition] = notBuilt
  const decoded = decodeDefinition(definition)
  // Once this fails, the feature is there: the row wants its tests.
  expect([...pendingFeatures(decoded), unguardedReason(decoded) ?? ''].join()).toContain(says)
  expect(files).toEqual([])
})

test('no name has a number outside the table, and no test is left out', () => {
  expect([...tested.keys()].filter((row) => !ROWS.includes(row))).toEqual([])
  for (const [file, text] of sources) expect(text, file).not.toMatch(/\.(skip|todo|only)\b/)
})

test.each(Object.entries(LONG))('row %s has its long form', (_, [file, words]) => {
  expect(readFileSync(new URL(file, import.meta.url), 'utf8')).toContain(words)
})
