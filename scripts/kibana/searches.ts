/** Saved searches: the requests themselves, for Discover and as the last panel of dashboards. */
import { type Form, statusQueries } from './forms.ts'
import { type SavedObject, SEARCH_SOURCE_INDEX, searchSource } from './saved-object.ts'

export interface Searches {
  readonly all: SavedObject
  readonly failed: SavedObject
  readonly serverErrors: SavedObject
  readonly refused: SavedObject
  readonly consumer: SavedObject
  readonly slow: SavedObject
}

/** A second is slow for most APIs; who thinks otherwise changes the query in Discover. */
const SLOW_MS = 1000

export function searches(form: Form): Searches {
  const { fields, more } = form
  const { failed, serverErrors, refused } = statusQueries(form)
  const { method, path, code, api, duration, alias, key, ip, tags, version } = fields
  const split = more === null ? [] : [more.upstream, more.gateway]
  // Columns show the text, not the twin for aggregations: longer values are not in the twin.
  const shown = (names: readonly string[]): string[] => names.map((name) => name.replace(/\.keyword$/, ''))

  const search = (id: string, title: string, query: string, columns: readonly string[], sort: string): SavedObject => ({
    type: 'search',
    id: form.id(id),
    attributes: {
      title: form.title(title),
      description: '',
      hits: 0,
      version: 1,
      columns: shown(columns),
      sort: [[sort, 'desc']],
      kibanaSavedObjectMeta: searchSource(query, SEARCH_SOURCE_INDEX),
    },
    references: [{ name: SEARCH_SOURCE_INDEX, type: 'index-pattern', id: form.id('records') }],
  })

  return {
    all: search(
      'search-all',
      'all requests',
      '',
      [method, path, code, api, version, duration, alias, ip, tags],
      fields.time,
    ),
    failed: search(
      'search-failed',
      'failed requests',
      failed,
      [code, method, path, api, alias, key, ip, duration],
      fields.time,
    ),
    serverErrors: search(
      'search-5xx',
      'server errors',
      serverErrors,
      [code, method, path, api, version, duration, ...split, alias],
      fields.time,
    ),
    refused: search(
      'search-refused',
      'refused: limits and authentication',
      refused,
      [code, api, path, alias, key, ip, tags],
      fields.time,
    ),
    // One consumer: the reader adds a filter on one of these columns.
    consumer: search(
      'search-consumer',
      'requests of known consumers',
      `not ${alias} : ""`,
      [alias, key, method, path, code, api, duration, tags],
      fields.time,
    ),
    slow: search(
      'search-slow',
      'slow requests',
      `${duration} >= ${form.duration(SLOW_MS)}`,
      [duration, ...split, method, path, code, api, alias],
      duration,
    ),
  }
}
