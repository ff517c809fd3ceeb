/** The columns of charts: what they are split by and what they measure. */
import type { Form } from './forms.ts'

export type Bucket =
  | { readonly kind: 'time'; readonly interval: string }
  | {
      readonly kind: 'terms'
      readonly field: string
      readonly label: string
      readonly size: number
      readonly by?: number
    }
  | { readonly kind: 'filters'; readonly label: string; readonly filters: readonly (readonly [string, string])[] }
  | { readonly kind: 'ranges'; readonly field: string; readonly label: string }

export type FieldOperation = 'average' | 'sum' | 'max' | 'unique_count'

export type Metric =
  | { readonly kind: 'count'; readonly label: string; readonly query?: string }
  | { readonly kind: 'field'; readonly operation: FieldOperation; readonly field: string; readonly label: string }
  | { readonly kind: 'percentile'; readonly percentile: number; readonly field: string; readonly label: string }
  | { readonly kind: 'share'; readonly label: string; readonly query: string }

export const overTime = (interval = 'auto'): Bucket => ({ kind: 'time', interval })

/** The most frequent values, or those with the highest value of the metric `by`. */
export function top(field: string, label: string, size = 10, by?: number): Bucket {
  return { kind: 'terms', field, label, size, ...(by === undefined ? {} : { by }) }
}

export function byQuery(label: string, filters: readonly (readonly [string, string])[]): Bucket {
  return { kind: 'filters', label, filters }
}

export const byRange = (field: string, label: string): Bucket => ({ kind: 'ranges', field, label })

/** Records, or those that a KQL query finds. */
export function count(label: string, query?: string): Metric {
  return { kind: 'count', label, ...(query === undefined ? {} : { query }) }
}

/** The share of the records that a KQL query finds, in percent. */
export const share = (label: string, query: string): Metric => ({ kind: 'share', label, query })

export function measure(operation: FieldOperation, field: string, label: string): Metric {
  return { kind: 'field', operation, field, label }
}

export const percentile = (percent: number, field: string, label: string): Metric => ({
  kind: 'percentile',
  percentile: percent,
  field,
  label,
})

/** A column of a Lens layer. */
export type Column = Readonly<Record<string, unknown>>

export const bucketId = (index: number): string => `b${index}`
export const metricId = (index: number): string => `m${index}`

/**
 * The columns of a layer with their ids. A share brings helper columns of its own, and terms are ordered by a metric,
 * so both kinds of column are made together.
 */
export function columnsOf(form: Form, buckets: readonly Bucket[], metrics: readonly Metric[]): [string, Column][] {
  return [
    ...buckets.map((bucket, i): [string, Column] => [bucketId(i), bucketColumn(form, bucket)]),
    ...metrics.flatMap((metric, i) => metricColumns(metricId(i), metric)),
  ]
}

function bucketColumn(form: Form, bucket: Bucket): Column {
  switch (bucket.kind) {
    case 'time':
      return {
        label: form.fields.time,
        dataType: 'date',
        operationType: 'date_histogram',
        sourceField: form.fields.time,
        isBucketed: true,
        scale: 'interval',
        params: { interval: bucket.interval },
      }
    case 'terms':
      return {
        label: bucket.label,
        customLabel: true,
        dataType: lensType(form, bucket.field),
        operationType: 'terms',
        sourceField: bucket.field,
        isBucketed: true,
        scale: 'ordinal',
        params: {
          size: bucket.size,
          orderBy: { type: 'column', columnId: metricId(bucket.by ?? 0) },
          orderDirection: 'desc',
          otherBucket: false,
          missingBucket: false,
        },
      }
    case 'filters':
      return {
        label: bucket.label,
        customLabel: true,
        dataType: 'string',
        operationType: 'filters',
        isBucketed: true,
        scale: 'ordinal',
        params: { filters: bucket.filters.map(([label, query]) => ({ label, input: kuery(query) })) },
      }
    case 'ranges':
      return {
        label: bucket.label,
        customLabel: true,
        dataType: 'number',
        operationType: 'range',
        sourceField: bucket.field,
        isBucketed: true,
        scale: 'interval',
        params: { type: 'histogram', maxBars: 'auto', ranges: [{ from: 0, to: 1000, label: '' }] },
      }
    default:
      throw new TypeError('unknown bucket')
  }
}

function lensType(form: Form, field: string): string {
  switch (form.kinds[field]) {
    case 'long':
      return 'number'
    case 'ip':
      return 'ip'
    case 'date':
      return 'date'
    default:
      return 'string'
  }
}

function metricColumns(id: string, metric: Metric): [string, Column][] {
  const base = { label: metric.label, customLabel: true, dataType: 'number', isBucketed: false, scale: 'ratio' }
  switch (metric.kind) {
    case 'count':
      return [[id, { ...base, ...recordCount(metric.query) }]]
    case 'field':
      return [[id, { ...base, operationType: metric.operation, sourceField: metric.field }]]
    case 'percentile': {
      const params = { percentile: metric.percentile }
      return [[id, { ...base, operationType: 'percentile', sourceField: metric.field, params }]]
    }
    case 'share':
      return shareColumns(id, metric.label, metric.query)
    default:
      throw new TypeError('unknown metric')
  }
}

function recordCount(query?: string): Column {
  return { operationType: 'count', sourceField: 'Records', ...(query === undefined ? {} : { filter: kuery(query) }) }
}

/** A formula is stored with the columns it is made of; without them the chart stays empty. */
function shareColumns(id: string, label: string, query: string): [string, Column][] {
  const formula = `count(kql='${query}') / count()`
  const part = { label: `Part of ${formula}`, customLabel: true, dataType: 'number', isBucketed: false, scale: 'ratio' }
  const [matching, all, division] = [`${id}X0`, `${id}X1`, `${id}X2`]
  const tinymathAst = {
    type: 'function',
    name: 'divide',
    args: [matching, all],
    location: { min: 0, max: formula.length },
    text: formula,
  }
  return [
    [matching, { ...part, ...recordCount(query) }],
    [all, { ...part, ...recordCount() }],
    [division, { ...part, operationType: 'math', references: [matching, all], params: { tinymathAst } }],
    [
      id,
      {
        ...part,
        label,
        operationType: 'formula',
        references: [division],
        params: { formula, isFormulaBroken: false, format: { id: 'percent', params: { decimals: 1 } } },
      },
    ],
  ]
}

const kuery = (query: string): object => ({ query, language: 'kuery' })
