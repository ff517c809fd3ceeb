/** The explorer reads what the pump writes, and its tests make such files and documents themselves: both must mean the same. */
import { describe, expect, it } from 'vitest'
import { FIELDS } from '../packages/explorer/src/fields.ts'
import { flatDocument, streamDocument } from '../packages/explorer/test/support/elasticsearch-index.ts'
import { type StoredRecord, traffic } from '../packages/explorer/test/support/records.ts'
import { rowOf } from '../packages/explorer/test/support/sqlite-file.ts'
import { createForm } from '../packages/pump/src/sinks/elasticsearch/form.ts'
import { DATA_STREAM_MAPPINGS } from '../packages/pump/src/sinks/elasticsearch/index-management/data-stream.ts'
import { elasticsearchOptions } from '../packages/pump/src/sinks/elasticsearch/options.ts'
import { COLUMNS } from '../packages/pump/src/sinks/sql/encode.ts'
import { optionsOf } from '../packages/pump/test/support/sink-options.ts'

const FROM = Date.parse('2026-03-04T00:00:00Z')

const CITY = { geonameId: 1, names: { de: 'Köln', en: 'Cologne' } }
const MCP = { isMcp: true, jsonrpcMethod: 'tools/call', primitiveType: 'tool', primitiveName: 'search' }

/** Some of them with what only few requests have. */
function* records(): Generator<StoredRecord> {
  let number = 0
  for (const { id, record } of traffic({ count: 200, fromMs: FROM, toMs: FROM + 86_400_000, detailed: true })) {
    const { geo, mcpStats } = record
    number += 1
    yield {
      id,
      record: {
        ...record,
        ...(number % 3 === 0 && { geo: { ...geo, city: CITY } }),
        ...(number % 5 === 0 && { mcpStats: { ...mcpStats, ...MCP } }),
      },
    }
  }
}

describe('the table of the SQL sink', () => {
  it('is the one that the tests of the explorer write', () => {
    for (const stored of records()) {
      const written = Object.fromEntries(COLUMNS.map(({ name, value }) => [name, value(stored.record, stored.id)]))
      expect(rowOf(stored)).toEqual(written)
    }
  })

  it('has the column of every field of the explorer', () => {
    const columns = new Set(COLUMNS.map(({ name }) => name))
    expect(FIELDS.map(({ column }) => column).filter((column) => !columns.has(column))).toEqual([])
  })
})

describe.each([
  ['flat documents', {}, flatDocument],
  ['documents of the data stream', { data_stream: 'logs-tyk.access-default' }, streamDocument],
] as const)('%s of the Elasticsearch sink', (_, options, documentOf) => {
  const { encoder } = createForm(optionsOf(elasticsearchOptions, { ...options, extended_stats: true }))

  it('are those that the tests of the explorer write', () => {
    for (const { record } of records()) {
      expect(documentOf(record)).toEqual(JSON.parse(encoder.document(record)))
    }
  })
})

describe('the fields of the explorer', () => {
  it('are members of flat documents', () => {
    const members = new Set([...records()].flatMap(({ record }) => Object.keys(flatDocument(record))))
    const flat = FIELDS.flatMap(({ elasticsearch }) => elasticsearch ?? [])
    expect(flat.filter((name) => !members.has(name))).toEqual([])
  })

  it('are fields of the data stream', () => {
    const { properties } = DATA_STREAM_MAPPINGS as { properties: Readonly<Record<string, object>> }
    const paths = FIELDS.flatMap(({ dataStream }) => dataStream ?? [])
    expect(paths.filter((path) => !(path in properties))).toEqual([])
  })
})
