/**
 * What every saved object shares: its line in the export file and the version that Kibana's migrations start from.
 *
 * Objects are written as Kibana 7.17 would export them. Kibana 8 and 9 bring them to their own shape on import; the
 * other way round an older Kibana refuses the whole file.
 */

export interface Reference {
  readonly name: string
  readonly type: ObjectType
  readonly id: string
}

export type ObjectType = 'index-pattern' | 'search' | 'visualization' | 'lens' | 'map' | 'dashboard' | 'tag'

export interface SavedObject {
  readonly type: ObjectType
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly references: readonly Reference[]
}

/**
 * The newest migration of each type that Kibana 7.17 knows, or an older one where a later migration adds what is left
 * out here. A higher number makes 7.17 refuse the file; a lower one runs migrations on shapes they were not written for.
 */
export const MIGRATION_VERSIONS: Readonly<Record<ObjectType, string | null>> = {
  'index-pattern': '7.11.0',
  search: '7.9.3',
  visualization: '7.10.0',
  lens: '7.16.0',
  map: '7.14.0',
  dashboard: '7.14.0',
  // Has no migrations.
  tag: null,
}

const CORE_VERSION = '7.17.0'

/** Where Kibana looks for the data view of searches and classic visualizations. */
export const SEARCH_SOURCE_INDEX = 'kibanaSavedObjectMeta.searchSourceJSON.index'

/** The `kibanaSavedObjectMeta` of an object: its query, and the name of its data view's reference if it has one. */
export function searchSource(query: string, indexRefName?: string): object {
  return {
    searchSourceJSON: JSON.stringify({
      query: { query, language: 'kuery' },
      filter: [],
      ...(indexRefName === undefined ? {} : { indexRefName }),
    }),
  }
}

/** The export file: one object a line, sorted so that it does not depend on how the sources are arranged. */
export function toNdjson(objects: readonly SavedObject[]): string {
  const lines = objects
    .toSorted((a, b) => (`${a.type}/${a.id}` < `${b.type}/${b.id}` ? -1 : 1))
    .map(({ type, id, attributes, references }) => {
      const version = MIGRATION_VERSIONS[type]
      return JSON.stringify({
        type,
        id,
        attributes,
        references,
        ...(version === null ? {} : { migrationVersion: { [type]: version } }),
        coreMigrationVersion: CORE_VERSION,
      })
    })
  const summary = { exportedCount: objects.length, missingRefCount: 0, missingReferences: [] }
  return `${[...lines, JSON.stringify(summary)].join('\n')}\n`
}
