/** The files as such, without Elasticsearch: what Kibana would refuse, or show as an error, before it asks for data. */
import { describe, expect, it } from 'vitest'
import { forms } from '../../scripts/kibana/forms.ts'
import { packOf } from '../../scripts/kibana/pack.ts'
import { MIGRATION_VERSIONS, type ObjectType, toNdjson } from '../../scripts/kibana/saved-object.ts'
import { migrateLens, migrateMapLayers } from './support/migrate.ts'
import {
  inner,
  type LensColumn,
  lensState,
  type MapLayer,
  readLines,
  readObjects,
  readPayloads,
  searchSourceOf,
  type StoredObject,
  type VisState,
} from './support/objects.ts'

/** What Kibana 7.17, 8 and 9 all take. Their schemas refuse an object with any other member. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  'index-pattern': [
    'title',
    'name',
    'timeFieldName',
    'allowNoIndex',
    'fieldFormatMap',
    'fieldAttrs',
    'runtimeFieldMap',
  ],
  search: ['title', 'description', 'hits', 'version', 'columns', 'sort', 'kibanaSavedObjectMeta'],
  visualization: ['title', 'description', 'version', 'visState', 'uiStateJSON', 'kibanaSavedObjectMeta'],
  lens: ['title', 'description', 'visualizationType', 'state'],
  map: ['title', 'description', 'layerListJSON', 'mapStateJSON', 'uiStateJSON'],
  dashboard: [
    'title',
    'description',
    'hits',
    'version',
    'panelsJSON',
    'optionsJSON',
    'kibanaSavedObjectMeta',
    'timeRestore',
    'timeFrom',
    'timeTo',
    'refreshInterval',
  ],
}

const JSON_TEXT = /JSON$|^visState$|^field(Attrs|FormatMap)$|^runtimeFieldMap$/

interface GridPanel {
  readonly version: string
  readonly type: string
  readonly panelIndex: string
  readonly panelRefName: string
  readonly title: string
  readonly gridData: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
    readonly i: string
  }
}

describe.each(forms)('the pack $name', (form) => {
  const lines = readLines(form.name)
  const objects = readObjects(form.name)
  const byKey = new Map(objects.map((object) => [`${object.type}/${object.id}`, object]))
  const ofType = (type: string): StoredObject[] => objects.filter((object) => object.type === type)
  const boards = ofType('dashboard')
  const panelsOf = (board: StoredObject) => inner(board.attributes, 'panelsJSON') as GridPanel[]

  it('is in step with its sources', () => {
    const { objects: sources, rules, slos } = packOf(form)
    expect(toNdjson(sources)).toBe(`${lines.join('\n')}\n`)
    expect(readPayloads(form.name, 'rules.json')).toEqual(rules)
    expect(readPayloads(form.name, 'slos.json')).toEqual(slos)
  })

  it('ends with a summary', () => {
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({
      exportedCount: objects.length,
      missingRefCount: 0,
      missingReferences: [],
    })
  })

  it('has every dashboard', () => {
    const names = ['api', 'consumers', 'errors', 'latency', 'limits', 'map', 'overview', 'pipeline']
    const expected = names.filter((name) => name !== 'map' || form.more !== null)
    expect(boards.map(({ id }) => id)).toEqual(expected.map((name) => form.id(name)))
  })

  it.each(objects)('$type $id has the members and versions of 7.17', (object) => {
    const { type, id, attributes, migrationVersion, coreMigrationVersion } = object
    expect(Object.keys(object).filter((key) => key !== 'migrationVersion')).toEqual([
      'type',
      'id',
      'attributes',
      'references',
      'coreMigrationVersion',
    ])
    expect(id).toMatch(/^tyk1(ds)?-[a-z0-9-]+$/)
    expect(coreMigrationVersion).toBe('7.17.0')
    expect(migrationVersion).toEqual({ [type]: MIGRATION_VERSIONS[type as ObjectType] })
    expect(Object.keys(attributes).filter((name) => !ATTRIBUTES[type]?.includes(name))).toEqual([])
    expect(attributes['title']).not.toBe('')
  })

  it.each(objects)('$type $id has well-formed texts of JSON', ({ attributes }) => {
    const texts = Object.entries({ ...attributes, ...(attributes['kibanaSavedObjectMeta'] as object | undefined) })
    for (const [name, text] of texts.filter(([key]) => JSON_TEXT.test(key))) {
      expect(JSON.stringify(JSON.parse(text as string)), name).toBe(text)
    }
  })

  it.each(objects)('$type $id refers to what is in the file, by names that it uses', (object) => {
    const { references } = object
    for (const { type, id } of references) expect(byKey.has(`${type}/${id}`), `${type}/${id}`).toBe(true)
    expect(references.map(({ name }) => name).toSorted()).toEqual(referenceNames(object).toSorted())
  })

  it('has different ids, and different titles of dashboards and searches', () => {
    expect(byKey.size).toBe(objects.length)
    const titles = [...boards, ...ofType('search')].map(({ attributes }) => attributes['title'])
    expect(new Set(titles).size).toBe(titles.length)
  })

  it('shows every object on some dashboard, or in Discover', () => {
    const shown = new Set(boards.flatMap(({ references }) => references.map(({ type, id }) => `${type}/${id}`)))
    const alone = objects.filter(({ type, id }) => !shown.has(`${type}/${id}`)).map(({ type }) => type)
    expect(new Set(alone)).toEqual(new Set(['dashboard', 'index-pattern', 'search']))
  })

  it.each(boards)('$id lays its panels out without a gap or an overlap', (board) => {
    const panels = panelsOf(board)
    expect(panels.length).toBeLessThanOrEqual(20)
    const rows = Map.groupBy(panels, ({ gridData }) => gridData.y)
    let y = 0
    for (const row of rows.values()) {
      let x = 0
      for (const { gridData } of row) {
        expect(gridData).toMatchObject({ x, y, h: row[0]?.gridData.h })
        x += gridData.w
      }
      expect(x).toBe(48)
      y += row[0]?.gridData.h ?? 0
    }
  })

  it.each(boards)('$id names each panel once and with its type', (board) => {
    const panels = panelsOf(board)
    const types = new Map(board.references.map(({ name, type }) => [name, type]))
    expect(new Set(panels.map(({ panelIndex }) => panelIndex)).size).toBe(panels.length)
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
    for (const { panelIndex, gridData, panelRefName, type, title } of panels) {
      expect(title).toMatch(/^[0-9A-Z]/i)
      expect(gridData.i).toBe(panelIndex)
      expect(types.get(`${panelIndex}:${panelRefName}`)).toBe(type)
    }
  })

  it.each(ofType('visualization'))(
    '$id is a text with links to dashboards that exist, or a chart of a known type',
    (object) => {
      const { type, params, title } = inner(object.attributes, 'visState') as VisState
      expect(title).toBe(object.attributes['title'])
      expect(['markdown', 'metric', 'table']).toContain(type)
      const links = ((params['markdown'] as string | undefined) ?? '').matchAll(/\]\(([^)]*)\)/g)
      for (const [, link = ''] of links) {
        expect(link).toMatch(/^#\/view\//)
        expect(byKey.has(`dashboard/${link.slice('#/view/'.length)}`), link).toBe(true)
      }
    },
  )

  it.each(ofType('lens'))('$id has what the migrations of 7.x and 8 reach for', (object) => {
    const { visualization, datasourceStates, filters } = lensState(object)
    expect(Array.isArray(filters)).toBe(true)
    const [[layerId, layer]] = Object.entries(datasourceStates.indexpattern.layers) as [
      [string, { columnOrder: string[]; columns: Record<string, LensColumn> }],
    ]
    expect(layer.columnOrder.toSorted()).toEqual(Object.keys(layer.columns).toSorted())
    // Kibana nests by this order: what is split first, then what is measured.
    const bucketed = layer.columnOrder.map((id) => layer.columns[id]?.isBucketed)
    expect(bucketed).toEqual(bucketed.toSorted((a, b) => Number(b) - Number(a)))
    for (const [id, column] of Object.entries(layer.columns)) {
      expect(column).toMatchObject({
        label: expect.stringMatching(/./) as string,
        dataType: expect.stringMatching(/^(string|number|date|ip)$/) as string,
        scale: expect.stringMatching(/^(ratio|ordinal|interval)$/) as string,
        isBucketed: expect.any(Boolean) as boolean,
      })
      if (['date_histogram', 'terms', 'filters', 'range'].includes(column.operationType)) {
        expect(column.params).toBeTypeOf('object')
      }
      for (const part of column.references ?? []) expect(Object.keys(layer.columns), id).toContain(part)
      if (column.operationType === 'math') checkMath(column)
    }
    const parts = (visualization['layers'] ?? [visualization]) as Record<string, unknown>[]
    for (const part of parts) {
      expect(part).toMatchObject({ layerId, layerType: 'data' })
      expect(accessorsOf(part).filter((id) => !(id in layer.columns))).toEqual([])
    }
  })

  it.each(ofType('lens'))('$id becomes a chart of Kibana 8', (object) => {
    const { state, visualizationType } = migrateLens(object)
    expect(visualizationType).toMatch(/^lns(XY|LegacyMetric|Pie|Datatable)$/)
    expect(Object.keys(state.datasourceStates)).toEqual(['formBased'])
    expect(JSON.stringify(state)).not.toMatch(/"sourceField":"Records"|indexRefName|"groups":|"metric":/)
  })

  it.each(ofType('map'))('$id becomes a map of Kibana 8', (object) => {
    const layers = inner(object.attributes, 'layerListJSON') as MapLayer[]
    expect(migrateMapLayers(layers).map(({ type }) => type)).toEqual(['EMS_VECTOR_TILE', 'GEOJSON_VECTOR'])
  })

  it('has rules with UUIDs and without actions, in the form of 7.17', () => {
    const rules = readPayloads(form.name, 'rules.json')
    const keys = ['name', 'rule_type_id', 'consumer', 'tags', 'schedule', 'notify_when', 'actions', 'params']
    for (const { id, body } of rules) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(Object.keys(body)).toEqual(keys)
      expect(body).toMatchObject({ actions: [], schedule: { interval: '1m' } })
      expect(body['params']).not.toHaveProperty('searchType')
    }
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length)
  })
})

it('keeps the ids of the two packs apart', () => {
  const [first = [], second = []] = forms.map(({ name }) => readObjects(name).map(({ id }) => id))
  expect(first.filter((id) => second.includes(id))).toEqual([])
})

/** The names by which an object's own text calls its references. */
function referenceNames(object: StoredObject): string[] {
  const { type, attributes } = object
  switch (type) {
    case 'dashboard':
      return (inner(attributes, 'panelsJSON') as GridPanel[]).map(
        ({ panelIndex, panelRefName }) => `${panelIndex}:${panelRefName}`,
      )
    case 'lens': {
      const layers = Object.keys(lensState(object).datasourceStates.indexpattern.layers)
      return ['current-indexpattern', ...layers.map((id) => `layer-${id}`)].map(
        (name) => `indexpattern-datasource-${name}`,
      )
    }
    case 'map':
      return (inner(attributes, 'layerListJSON') as MapLayer[]).flatMap(({ sourceDescriptor }) => {
        const name = sourceDescriptor['indexPatternRefName']
        return typeof name === 'string' ? [name] : []
      })
    case 'search':
    case 'visualization': {
      const { indexRefName } = searchSourceOf(object)
      return indexRefName === undefined ? [] : [indexRefName]
    }
    default:
      return []
  }
}

function accessorsOf(part: Readonly<Record<string, unknown>>): string[] {
  const { accessors, xAccessor, splitAccessor, accessor, metric, groups, columns, sorting } = part
  const listed = (columns as { columnId: string }[] | undefined)?.map(({ columnId }) => columnId)
  const all = [
    accessors,
    groups,
    listed,
    xAccessor,
    splitAccessor,
    accessor,
    metric,
    (sorting as { columnId?: string })?.columnId,
  ]
  return all.flat().filter((id): id is string => typeof id === 'string')
}

function checkMath({ params, references }: LensColumn): void {
  const { tinymathAst } = params as {
    tinymathAst: { args: string[]; location: { min: number; max: number }; text: string }
  }
  const { args, location, text } = tinymathAst
  expect(args).toEqual(references)
  expect(location).toEqual({ min: 0, max: text.length })
}
