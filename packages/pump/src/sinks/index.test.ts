import { expect, it } from 'vitest'
import { findSink, sinkDefinitions } from './index.ts'

it('finds a sink by type in any letter case', () => {
  expect(findSink('ELASTICSEARCH')?.displayName).toBe('Elasticsearch Pump')
  expect(findSink('hybrid')).toBeUndefined()
})

it('knows each type, name and environment prefix once', () => {
  for (const key of ['type', 'displayName', 'envPrefix'] as const) {
    const values = sinkDefinitions.map((definition) => definition[key])
    expect(new Set(values).size).toBe(values.length)
  }
})
