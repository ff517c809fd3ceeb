/** Visualizations in Kibana's older form: texts, and times, which Lens of 7.17 cannot take the maximum of. */
import type { Form } from './forms.ts'
import { type SavedObject, SEARCH_SOURCE_INDEX, searchSource } from './saved-object.ts'

interface Agg {
  readonly type: string
  readonly schema: string
  readonly params: object
}

function visualization(form: Form, id: string, title: string, state: object, query: string | null): SavedObject {
  const withData = query !== null
  return {
    type: 'visualization',
    id: form.id(id),
    attributes: {
      title: form.title(title),
      description: '',
      version: 1,
      visState: JSON.stringify({ title: form.title(title), ...state }),
      uiStateJSON: '{}',
      kibanaSavedObjectMeta: searchSource(query ?? '', withData ? SEARCH_SOURCE_INDEX : undefined),
    },
    references: withData ? [{ name: SEARCH_SOURCE_INDEX, type: 'index-pattern', id: form.id('records') }] : [],
  }
}

const numbered = (aggs: readonly Agg[]): object[] =>
  aggs.map((agg, i) => ({ id: String(i + 1), enabled: true, ...agg }))

export function markdown(form: Form, id: string, title: string, text: string): SavedObject {
  const params = { fontSize: 12, openLinksInNewTab: false, markdown: text }
  return visualization(form, id, title, { type: 'markdown', aggs: [], params }, null)
}

/** One large number or time. */
export function bigValue(form: Form, id: string, title: string, agg: Omit<Agg, 'schema'>): SavedObject {
  const params = {
    addTooltip: true,
    addLegend: false,
    type: 'metric',
    metric: {
      percentageMode: false,
      useRanges: false,
      colorSchema: 'Green to Red',
      metricColorMode: 'None',
      colorsRange: [{ from: 0, to: 10_000 }],
      labels: { show: true },
      invertColors: false,
      style: { bgFill: '#000', bgColor: false, labelColor: false, subText: '', fontSize: 24 },
    },
  }
  return visualization(form, id, title, { type: 'metric', params, aggs: numbered([{ ...agg, schema: 'metric' }]) }, '')
}

/** Rows by the most frequent values of fields: how many requests, the first and the last of them. */
export function timesTable(
  form: Form,
  id: string,
  title: string,
  rows: readonly (readonly [field: string, label: string, size: number])[],
  query: string,
): SavedObject {
  const time = form.fields.time
  const aggs: Agg[] = [
    { type: 'count', schema: 'metric', params: { customLabel: 'Requests' } },
    { type: 'min', schema: 'metric', params: { field: time, customLabel: 'First' } },
    { type: 'max', schema: 'metric', params: { field: time, customLabel: 'Last' } },
    ...rows.map(([field, customLabel, size]) => ({
      type: 'terms',
      schema: 'bucket',
      params: { field, orderBy: '1', order: 'desc', size, otherBucket: false, missingBucket: false, customLabel },
    })),
  ]
  const params = {
    perPage: 10,
    showPartialRows: false,
    showMetricsAtAllLevels: false,
    showTotal: false,
    totalFunc: 'sum',
    percentageCol: '',
  }
  return visualization(form, id, title, { type: 'table', params, aggs: numbered(aggs) }, query)
}
