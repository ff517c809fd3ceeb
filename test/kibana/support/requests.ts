/** What Kibana would ask Elasticsearch to draw an object: the same aggregations, nested in the same way. */
import { fieldsOf, parseKql, type Query, toElasticsearch } from './kql.ts'
import {
  inner,
  type LensColumn,
  lensState,
  type MapLayer,
  searchSourceOf,
  type StoredObject,
  type VisState,
} from './objects.ts'

export interface PanelRequest {
  readonly name: string
  /** The query without the time range, to count its documents by other means. */
  readonly query: Query
  /** The body of `_search`, again without the time range. */
  readonly body: Readonly<Record<string, unknown>>
  readonly fields: readonly FieldUse[]
  /** Filters at the top level of the aggregations. */
  readonly filterQueries: readonly FilterQuery[]
}

export interface FilterQuery {
  /** Of the aggregation. */
  readonly id: string
  /** Of one filter among several; null where the aggregation has but one. */
  readonly label: string | null
  readonly query: Query
}

/** `aggregate` needs values in columns; `show` only that the field exists. */
export interface FieldUse {
  readonly field: string
  readonly use: 'aggregate' | 'measure' | 'query' | 'show' | 'geo'
}

export interface TimeRange {
  readonly from: number
  readonly to: number
}

/** `null` for objects that ask nothing: texts, dashboards, data views. */
export function requestOf(object: StoredObject, time: TimeRange): PanelRequest | null {
  const name = `${object.type}/${object.id}`
  switch (object.type) {
    case 'lens':
      return { name, ...lensRequest(object, time) }
    case 'search':
      return { name, ...searchRequest(object) }
    case 'map':
      return { name, ...mapRequest(object) }
    case 'visualization': {
      const state = inner(object.attributes, 'visState') as VisState
      return state.type === 'markdown' ? null : { name, ...classicRequest(object, state) }
    }
    default:
      return null
  }
}

type Parts = Omit<PanelRequest, 'name'>
type Aggs = Record<string, unknown>

function lensRequest(object: StoredObject, time: TimeRange): Parts {
  const { query, datasourceStates } = lensState(object)
  const layers = Object.values(datasourceStates.indexpattern.layers)
  if (layers.length !== 1) throw new Error(`${object.id} has ${layers.length} layers`)
  const [{ columnOrder, columns }] = layers as [(typeof layers)[0]]
  const ordered = columnOrder.map((id): [string, LensColumn] => [id, columns[id]!])
  const metrics: Aggs = Object.fromEntries(
    ordered.filter(([, column]) => !column.isBucketed).flatMap(([id, column]) => metricAgg(id, column)),
  )
  const fields: FieldUse[] = queryFields(query.query)
  for (const [, { sourceField, isBucketed, filter, params }] of ordered) {
    const real = sourceField !== undefined && sourceField !== 'Records'
    if (real) fields.push({ field: sourceField, use: isBucketed ? 'aggregate' : 'measure' })
    if (filter !== undefined) fields.push(...queryFields(filter.query))
    for (const { input } of filtersOf(params)) fields.push(...queryFields(input.query))
  }
  let aggs = metrics
  for (const [id, column] of ordered.filter(([, { isBucketed }]) => isBucketed).toReversed()) {
    aggs = { [id]: { ...bucketAgg(column, columns, time), aggs: Object.assign(orderMetric(column, columns), aggs) } }
  }
  const filterQueries = ordered.flatMap(([id, { filter, params }]): FilterQuery[] => {
    if (!(id in aggs)) return []
    if (filter !== undefined) return [{ id, label: null, query: parseKql(filter.query) }]
    return filtersOf(params).map(({ label, input }) => ({ id, label, query: parseKql(input.query) }))
  })
  return { query: parseKql(query.query), body: { size: 0, track_total_hits: true, aggs }, fields, filterQueries }
}

function queryFields(query: string): FieldUse[] {
  return fieldsOf(parseKql(query)).map((field) => ({ field, use: 'query' }))
}

type FilterRow = { readonly label: string; readonly input: { readonly query: string } }
const filtersOf = (params: LensColumn['params']): readonly FilterRow[] =>
  (params?.['filters'] as FilterRow[] | undefined) ?? []

function bucketAgg(column: LensColumn, columns: Readonly<Record<string, LensColumn>>, time: TimeRange): Aggs {
  const { operationType, sourceField: field, params = {} } = column
  switch (operationType) {
    case 'date_histogram': {
      const interval = params['interval'] === 'auto' ? autoInterval(time) : (params['interval'] as string)
      const bounds = { min: time.from, max: time.to }
      return {
        date_histogram: {
          field,
          fixed_interval: interval,
          time_zone: 'UTC',
          min_doc_count: 0,
          extended_bounds: bounds,
        },
      }
    }
    case 'terms': {
      const orderBy = params['orderBy'] as { type: string; columnId: string }
      return { terms: { field, size: params['size'], order: orderOf(orderBy, columns) } }
    }
    case 'filters': {
      const filters = filtersOf(params).map(({ label, input }) => [label, toElasticsearch(parseKql(input.query))])
      return { filters: { filters: Object.fromEntries(filters) as object } }
    }
    case 'range':
      return { histogram: { field, interval: 100, min_doc_count: 1 } }
    default:
      throw new Error(`no bucket operation: ${operationType}`)
  }
}

/** What terms are ordered by has to be inside of them, also where the metric itself lies deeper. */
function orderMetric({ params }: LensColumn, columns: Readonly<Record<string, LensColumn>>): Aggs {
  const { columnId } = (params?.['orderBy'] ?? {}) as { columnId?: string }
  const column = columnId === undefined ? undefined : columns[columnId]
  return column === undefined ? {} : Object.fromEntries(metricAgg(columnId!, column))
}

function orderOf(
  { type, columnId }: { type: string; columnId: string },
  columns: Readonly<Record<string, LensColumn>>,
): object {
  if (type !== 'column') throw new Error(`no order: ${type}`)
  const column = columns[columnId]
  if (column === undefined || column.references !== undefined) throw new Error(`cannot order by ${columnId}`)
  if (column.operationType === 'count') return { _count: 'desc' }
  const percent = column.operationType === 'percentile' ? `.${String(column.params?.['percentile'])}` : ''
  return { [`${columnId}${percent}`]: 'desc' }
}

/** Empty for what is computed in the browser from other columns, and for counts, which need no aggregation. */
function metricAgg(id: string, { operationType, sourceField: field, filter, params }: LensColumn): [string, Aggs][] {
  const own = ((): Aggs | null => {
    switch (operationType) {
      case 'count':
      case 'formula':
      case 'math':
        return null
      case 'average':
        return { avg: { field } }
      case 'sum':
      case 'max':
        return { [operationType]: { field } }
      case 'unique_count':
        return { cardinality: { field } }
      case 'percentile':
        return { percentiles: { field, percents: [params?.['percentile']] } }
      default:
        throw new Error(`no metric operation: ${operationType}`)
    }
  })()
  if (filter !== undefined) {
    if (own !== null) throw new Error('a filter on a metric with a field')
    return [[id, { filter: toElasticsearch(parseKql(filter.query)) }]]
  }
  return own === null ? [] : [[id, own]]
}

/** About fifty bars, rounded as Kibana rounds. */
function autoInterval({ from, to }: TimeRange): string {
  const STEPS: [seconds: number, text: string][] = [
    [1, '1s'],
    [5, '5s'],
    [10, '10s'],
    [30, '30s'],
    [60, '1m'],
    [300, '5m'],
    [600, '10m'],
    [1800, '30m'],
    [3600, '1h'],
    [10_800, '3h'],
    [43_200, '12h'],
  ]
  const target = (to - from) / 1000 / 50
  return STEPS.find(([seconds]) => seconds >= target)?.[1] ?? '1d'
}

function classicRequest(object: StoredObject, { aggs }: VisState): Parts {
  const { query } = searchSourceOf(object).query
  const buckets = aggs.filter(({ schema }) => schema === 'bucket')
  const metrics = aggs.filter(({ schema }) => schema === 'metric')
  if (buckets.length + metrics.length !== aggs.length) throw new Error(`${object.id} has another schema`)
  const leaves: Aggs = Object.fromEntries(
    metrics
      .filter(({ type }) => type !== 'count')
      .map(({ id, type, params }) => {
        if (!['min', 'max'].includes(type)) throw new Error(`no metric: ${type}`)
        return [id, { [type]: { field: params['field'] } }]
      }),
  )
  const nested = buckets.reduceRight<Aggs>((inside, { id, type, params }) => {
    if (type !== 'terms') throw new Error(`no bucket: ${type}`)
    const { field, size, orderBy } = params
    if (metrics.find((metric) => metric.id === orderBy)?.type !== 'count') throw new Error('no order by count')
    return { [id]: { terms: { field, size, order: { _count: params['order'] } }, aggs: inside } }
  }, leaves)
  const fields = aggs.flatMap(({ params, schema }): FieldUse[] => {
    const { field } = params
    return typeof field === 'string' ? [{ field, use: schema === 'bucket' ? 'aggregate' : 'measure' }] : []
  })
  return {
    query: parseKql(query),
    body: { size: 0, track_total_hits: true, aggs: nested },
    fields: [...fields, ...queryFields(query)],
    filterQueries: [],
  }
}

function searchRequest(object: StoredObject): Parts {
  const { query } = searchSourceOf(object).query
  const columns = object.attributes['columns'] as string[]
  const sort = object.attributes['sort'] as [string, string][]
  return {
    query: parseKql(query),
    body: {
      size: 500,
      track_total_hits: true,
      sort: sort.map(([field, order]) => ({ [field]: { order, unmapped_type: 'boolean' } })),
    },
    fields: [
      ...columns.map((field): FieldUse => ({ field, use: 'show' })),
      ...sort.map(([field]): FieldUse => ({ field, use: 'aggregate' })),
      ...queryFields(query),
    ],
    filterQueries: [],
  }
}

function mapRequest(object: StoredObject): Parts {
  const grid = (inner(object.attributes, 'layerListJSON') as MapLayer[]).find(
    ({ sourceDescriptor }) => sourceDescriptor['type'] === 'ES_GEO_GRID',
  )
  const field = grid?.sourceDescriptor['geoField'] as string
  const bounds = { top_left: [-180, 85], bottom_right: [180, -85] }
  const geotile = { field, precision: 8, size: 65_535, shard_size: 65_535, bounds }
  return {
    query: parseKql(`${field} : *`),
    body: {
      size: 0,
      track_total_hits: true,
      aggs: { grid: { geotile_grid: geotile, aggs: { gridCentroid: { geo_centroid: { field } } } } },
    },
    fields: [{ field, use: 'geo' }],
    filterQueries: [],
  }
}

/** The request with its query and a time range, as it is sent. */
export function withTime({ body, query }: PanelRequest, timeField: string, { from, to }: TimeRange): object {
  const range = {
    gte: new Date(from).toISOString(),
    lte: new Date(to).toISOString(),
    format: 'strict_date_optional_time',
  }
  return { ...body, query: { bool: { filter: [{ range: { [timeField]: range } }, toElasticsearch(query)] } } }
}
