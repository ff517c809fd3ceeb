/** Dashboards: rows of panels, laid out from the top. */
import type { Bucket, Metric } from './columns.ts'
import { bigValue, markdown, timesTable } from './classic.ts'
import type { Form } from './forms.ts'
import { type ChartOptions, donutParts, lens, metricParts, type Series, tableParts, xyParts } from './lens.ts'
import { type ObjectType, type SavedObject, searchSource } from './saved-object.ts'

/** Kibana's grid. */
const COLUMNS = 48

export interface Row {
  /** In steps of about 20 pixels. */
  readonly height: number
  /** Side by side. Together they take the whole width, in equal parts unless `widths` says otherwise. */
  readonly panels: readonly SavedObject[]
  readonly widths?: readonly number[]
}

export interface DashboardSource {
  readonly id: string
  readonly title: string
  readonly description: string
  /** The time that it opens with; a day unless given. */
  readonly timeFrom?: string
  readonly rows: readonly Row[]
}

/** The dashboards in the order of the links at the head of each of them. */
const NAVIGATION = [
  ['overview', 'Overview'],
  ['api', 'One API'],
  ['errors', 'Errors and reasons'],
  ['latency', 'Latency'],
  ['consumers', 'Consumers'],
  ['limits', 'Limits and auth failures'],
  ['map', 'Map'],
  ['pipeline', 'Pipeline health'],
] as const

/** The dashboard and every object that it shows. */
export function dashboard(form: Form, source: DashboardSource): SavedObject[] {
  const rows: Row[] = [{ height: 3, panels: [navigation(form, source.id)] }, ...source.rows]
  let y = 0
  let number = 0
  const panels: object[] = []
  const references: { name: string; type: ObjectType; id: string }[] = []
  for (const { height, panels: objects, widths } of rows) {
    let x = 0
    for (const [i, { type, id, attributes }] of objects.entries()) {
      const w = widths?.[i] ?? Math.floor(COLUMNS / objects.length)
      const panelIndex = `p${++number}`
      const gridData = { x, y, w, h: height, i: panelIndex }
      const panelRefName = `panel_${panelIndex}`
      const hidden = type === 'visualization' && id === form.id(`${source.id}-links`)
      const embeddableConfig = { enhancements: {}, ...(hidden ? { hidePanelTitles: true } : {}) }
      const title = panelTitle(form, attributes['title'] as string)
      panels.push({ version: '7.17.0', type, gridData, panelIndex, embeddableConfig, title, panelRefName })
      references.push({ name: `${panelIndex}:${panelRefName}`, type, id })
      x += w
    }
    y += height
  }
  const board: SavedObject = {
    type: 'dashboard',
    id: form.id(source.id),
    attributes: {
      title: form.title(source.title),
      description: source.description,
      hits: 0,
      version: 1,
      timeRestore: true,
      timeFrom: source.timeFrom ?? 'now-24h',
      timeTo: 'now',
      refreshInterval: { pause: true, value: 60_000 },
      optionsJSON: JSON.stringify({ useMargins: true, hidePanelTitles: false }),
      kibanaSavedObjectMeta: searchSource(''),
      panelsJSON: JSON.stringify(panels),
    },
    references,
  }
  return [...rows.flatMap((row) => row.panels), board]
}

/** The dashboard says already what it is about. */
function panelTitle(form: Form, title: string): string {
  const own = title.slice(form.title('').length)
  return own.charAt(0).toUpperCase() + own.slice(1)
}

/** Links that stay within the space and below the base path, whatever these are. */
function navigation(form: Form, current: string): SavedObject {
  const links = NAVIGATION.filter(([id]) => id !== 'map' || form.more !== null).map(([id, title]) =>
    id === current ? `**${title}**` : `[${title}](#/view/${form.id(id)})`,
  )
  return markdown(form, `${current}-links`, `links of ${current}`, links.join(' · '))
}

/** The charts of one dashboard: their ids begin with its own. */
export function chartsOf(form: Form, board: string) {
  const at = (id: string): string => `${board}-${id}`
  return {
    xy: (
      id: string,
      title: string,
      series: Series,
      buckets: readonly Bucket[],
      metrics: readonly Metric[],
      options: ChartOptions = {},
    ) => lens(form, at(id), title, xyParts(series, buckets, metrics), options),
    metric: (id: string, title: string, metric: Metric, options: ChartOptions = {}) =>
      lens(form, at(id), title, metricParts(metric), options),
    donut: (id: string, title: string, bucket: Bucket, metric: Metric, options: ChartOptions = {}) =>
      lens(form, at(id), title, donutParts(bucket, metric), options),
    table: (
      id: string,
      title: string,
      buckets: readonly Bucket[],
      metrics: readonly Metric[],
      options: ChartOptions = {},
    ) => lens(form, at(id), title, tableParts(buckets, metrics), options),
    markdown: (id: string, title: string, text: string) => markdown(form, at(id), title, text),
    latest: (id: string, title: string) =>
      bigValue(form, at(id), title, {
        type: 'max',
        params: { field: form.fields.time, customLabel: 'Newest record' },
      }),
    times: (
      id: string,
      title: string,
      rows: readonly (readonly [field: string, label: string, size: number])[],
      query = '',
    ) => timesTable(form, at(id), title, rows, query),
  }
}
