/** Where requests come from. Only for a form with a geo_point. */
import type { Form } from './forms.ts'
import type { SavedObject } from './saved-object.ts'

const fixed = (options: object): object => ({ type: 'STATIC', options })

/** Colour and size of a point by the number of requests in its cell. */
const byCount = (options: object): object => ({
  type: 'DYNAMIC',
  options: {
    ...options,
    field: { name: 'doc_count', origin: 'source' },
    fieldMetaOptions: { isEnabled: false, sigma: 3 },
  },
})

const style = {
  type: 'VECTOR',
  isTimeAware: true,
  properties: {
    symbolizeAs: { options: { value: 'circle' } },
    icon: fixed({ value: 'marker' }),
    iconOrientation: fixed({ orientation: 0 }),
    fillColor: byCount({ color: 'Yellow to Red', colorCategory: 'palette_0', type: 'ORDINAL' }),
    iconSize: byCount({ minSize: 7, maxSize: 26 }),
    lineColor: fixed({ color: '#3d3d3d' }),
    lineWidth: fixed({ size: 1 }),
    labelText: fixed({ value: '' }),
    labelColor: fixed({ color: '#000000' }),
    labelSize: fixed({ size: 14 }),
    labelBorderColor: fixed({ color: '#FFFFFF' }),
    labelBorderSize: { options: { size: 'SMALL' } },
  },
}

const layer = { visible: true, minZoom: 0, maxZoom: 24, includeInFitToBounds: true }

/**
 * Clusters of requests over Elastic's map of the world. The browser fetches that map from the internet; without it the
 * points stand on an empty background.
 */
export function requestMap(form: Form, id: string, title: string, geoField: string): SavedObject {
  const world = {
    ...layer,
    id: 'world',
    type: 'VECTOR_TILE',
    label: null,
    alpha: 1,
    style: { type: 'TILE' },
    sourceDescriptor: { type: 'EMS_TMS', isAutoSelect: true, lightModeDefault: 'road_map_desaturated' },
  }
  const requests = {
    ...layer,
    id: 'requests',
    type: 'VECTOR',
    label: 'Requests',
    alpha: 0.75,
    joins: [],
    sourceDescriptor: {
      id: 'requests-source',
      type: 'ES_GEO_GRID',
      geoField,
      requestType: 'point',
      resolution: 'MOST_FINE',
      metrics: [{ type: 'count' }],
      applyGlobalQuery: true,
      applyGlobalTime: true,
      applyForceRefresh: true,
      indexPatternRefName: 'layer_1_source_index_pattern',
    },
    style,
  }
  const state = {
    zoom: 1.6,
    center: { lat: 20, lon: 0 },
    timeFilters: { from: 'now-24h', to: 'now' },
    refreshConfig: { isPaused: true, interval: 0 },
    query: { query: '', language: 'kuery' },
    filters: [],
    settings: { autoFitToDataBounds: false },
  }
  return {
    type: 'map',
    id: form.id(id),
    attributes: {
      title: form.title(title),
      description: '',
      layerListJSON: JSON.stringify([world, requests]),
      mapStateJSON: JSON.stringify(state),
      uiStateJSON: JSON.stringify({ isLayerTOCOpen: false, openTOCDetails: [] }),
    },
    references: [{ name: 'layer_1_source_index_pattern', type: 'index-pattern', id: form.id('records') }],
  }
}
