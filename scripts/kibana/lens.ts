/** Charts of Kibana's Lens, each an object of its own. */
import { type Bucket, bucketId, columnsOf, type Metric, metricId } from './columns.ts'
import type { Form } from './forms.ts'
import type { SavedObject } from './saved-object.ts'

const LAYER = 'l1'

export type Series = 'bar_stacked' | 'bar_percentage_stacked' | 'bar_horizontal' | 'line' | 'area_stacked'

export interface ChartOptions {
  /** KQL that holds for the whole chart. */
  readonly query?: string
  readonly description?: string
}

interface LensParts {
  readonly visualizationType: string
  readonly visualization: object
  readonly buckets: readonly Bucket[]
  readonly metrics: readonly Metric[]
}

export function lens(form: Form, id: string, title: string, parts: LensParts, options: ChartOptions): SavedObject {
  const columns = columnsOf(form, parts.buckets, parts.metrics)
  const layer = {
    columnOrder: columns.map(([name]) => name),
    columns: Object.fromEntries(columns),
    incompleteColumns: {},
  }
  const dataView = { type: 'index-pattern', id: form.id('records') } as const
  return {
    type: 'lens',
    id: form.id(id),
    attributes: {
      title: form.title(title),
      description: options.description ?? '',
      visualizationType: parts.visualizationType,
      state: {
        datasourceStates: { indexpattern: { layers: { [LAYER]: layer } } },
        visualization: parts.visualization,
        query: { query: options.query ?? '', language: 'kuery' },
        filters: [],
      },
    },
    references: [
      { ...dataView, name: 'indexpattern-datasource-current-indexpattern' },
      { ...dataView, name: `indexpattern-datasource-layer-${LAYER}` },
    ],
  }
}

/** The first bucket is the axis, a second one splits it. */
export function xyParts(series: Series, buckets: readonly Bucket[], metrics: readonly Metric[]): LensParts {
  const [, split] = buckets
  const sides = (x: boolean): object => ({ x, yLeft: true, yRight: true })
  // Kibana nests the aggregations in the order of the columns: the split outside, so that its top values are those of
  // the whole time and not of each interval.
  const ordered = split === undefined ? buckets : buckets.toReversed()
  return {
    visualizationType: 'lnsXY',
    buckets: ordered,
    metrics,
    visualization: {
      legend: { isVisible: true, position: 'right' },
      valueLabels: 'hide',
      fittingFunction: 'None',
      preferredSeriesType: series,
      axisTitlesVisibilitySettings: sides(buckets[0]?.kind === 'ranges'),
      tickLabelsVisibilitySettings: sides(true),
      gridlinesVisibilitySettings: sides(true),
      layers: [
        {
          layerId: LAYER,
          layerType: 'data',
          seriesType: series,
          xAccessor: bucketId(ordered.length - 1),
          ...(split === undefined ? {} : { splitAccessor: bucketId(0) }),
          accessors: metrics.map((_, i) => metricId(i)),
          position: 'top',
          showGridlines: false,
        },
      ],
    },
  }
}

export function metricParts(metric: Metric): LensParts {
  return {
    visualizationType: 'lnsMetric',
    buckets: [],
    metrics: [metric],
    visualization: { layerId: LAYER, layerType: 'data', accessor: metricId(0) },
  }
}

export function donutParts(bucket: Bucket, metric: Metric): LensParts {
  const layer = {
    layerId: LAYER,
    layerType: 'data',
    groups: [bucketId(0)],
    metric: metricId(0),
    numberDisplay: 'percent',
    categoryDisplay: 'default',
    legendDisplay: 'default',
    nestedLegend: false,
  }
  return {
    visualizationType: 'lnsPie',
    buckets: [bucket],
    metrics: [metric],
    visualization: { shape: 'donut', layers: [layer] },
  }
}

/** Sorted by the metric that chooses the rows. */
export function tableParts(buckets: readonly Bucket[], metrics: readonly Metric[]): LensParts {
  const [first] = buckets
  const sortedBy = first?.kind === 'terms' ? (first.by ?? 0) : 0
  const columnIds = [...buckets.map((_, i) => bucketId(i)), ...metrics.map((_, i) => metricId(i))]
  return {
    visualizationType: 'lnsDatatable',
    buckets,
    metrics,
    visualization: {
      layerId: LAYER,
      layerType: 'data',
      columns: columnIds.map((columnId) => ({ columnId })),
      sorting: { columnId: metricId(sortedBy), direction: 'desc' },
    },
  }
}
