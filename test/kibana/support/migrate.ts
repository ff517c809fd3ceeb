/**
 * The steps by which Kibana 8 turns a Lens chart or a map of 7.17 into its own shape on import, from the descriptions
 * of its migrations. They reach into objects without asking whether a member is there, and so does this: a chart that
 * would make Kibana refuse the whole file makes a test fail.
 */
import type { MapLayer, StoredObject } from './objects.ts'

interface Column {
  readonly operationType: string
  sourceField?: string
  readonly params: { parentFormat?: object; includeEmptyRows?: boolean }
}

interface IndexPattern {
  readonly layers: Readonly<Record<string, { readonly columns: Readonly<Record<string, Column>> }>>
}

interface PieLayer {
  groups?: readonly string[]
  metric?: string
}

/** Of every kind of chart what its step touches. */
interface Visualization {
  readonly legend: { legendSize?: string }
  valueLabels?: string
  readonly layers: readonly PieLayer[]
}

/** A state of 7.17, which becomes one of 8 in place. */
interface LensState {
  readonly filters: readonly { readonly meta: { index?: string; indexRefName?: string } }[]
  readonly datasourceStates: { indexpattern?: IndexPattern; formBased?: IndexPattern }
  readonly visualization: Visualization
}

interface LensAttributes {
  readonly state: LensState
  readonly visualizationType: string
}

export function migrateLens({ attributes }: StoredObject): LensAttributes {
  const { state, visualizationType } = structuredClone(attributes) as unknown as LensAttributes
  // 8.1
  for (const { meta } of state.filters) {
    meta.index = meta.indexRefName as string
    delete meta.indexRefName
  }
  const { indexpattern } = state.datasourceStates as { indexpattern: IndexPattern }
  for (const column of Object.values(indexpattern.layers).flatMap(({ columns }) => Object.values(columns))) {
    if (column.operationType === 'count') column.sourceField = '___records___'
    if (column.operationType === 'terms') column.params.parentFormat = { id: 'terms' }
    // 8.2
    if (column.operationType === 'date_histogram') column.params.includeEmptyRows = true
  }
  const type = stepOfType(visualizationType, state.visualization)
  // 8.6
  state.datasourceStates.formBased = indexpattern
  delete state.datasourceStates.indexpattern
  return { visualizationType: type, state }
}

function stepOfType(type: string, visualization: Visualization): string {
  switch (type) {
    case 'lnsMetric':
      Object.assign(visualization, { textAlign: 'center', titlePosition: 'bottom', size: 'xl' })
      return 'lnsLegacyMetric'
    case 'lnsXY':
      visualization.legend.legendSize = 'auto'
      if (visualization.valueLabels !== 'hide') visualization.valueLabels = 'show'
      return type
    case 'lnsPie':
      for (const layer of visualization.layers) {
        const groups = layer.groups as readonly string[]
        Object.assign(layer, { legendSize: 'auto', primaryGroups: groups.slice(), metrics: [layer.metric] })
        delete layer.groups
        delete layer.metric
      }
      return type
    case 'lnsDatatable':
      Object.assign(visualization, { rowHeight: 'single', rowHeightLines: 1 })
      return type
    default:
      throw new Error(`no steps for ${type}`)
  }
}

const LAYER_TYPES: Readonly<Record<string, string>> = {
  VECTOR: 'GEOJSON_VECTOR',
  VECTOR_TILE: 'EMS_VECTOR_TILE',
}

export function migrateMapLayers(layers: readonly MapLayer[]): MapLayer[] {
  return layers.map(({ type: before, sourceDescriptor: source }) => {
    const type = LAYER_TYPES[before]
    if (type === undefined) throw new Error(`no layer type: ${before}`)
    const isTiles = source['type'] === 'EMS_TMS'
    return { type, sourceDescriptor: isTiles ? { lightModeDefault: 'road_map', ...source } : source }
  })
}
