import { byRange, count, measure, overTime, percentile, top } from '../columns.ts'
import { chartsOf, dashboard, type Row } from '../dashboard.ts'
import type { Form } from '../forms.ts'
import type { SavedObject } from '../saved-object.ts'
import { searches } from '../searches.ts'

/** How long requests take and, where the document says so, whose part it is. */
export function latency(form: Form): SavedObject[] {
  const { api, path, code, duration } = form.fields
  const { xy, metric, table } = chartsOf(form, 'latency')
  const percentiles = [50, 95, 99].map((percent) => percentile(percent, duration, `p${percent} (ms)`))
  const columns = [count('Requests'), ...percentiles, measure('max', duration, 'Longest (ms)')]
  return dashboard(form, {
    id: 'latency',
    title: form.more === null ? 'Latency' : 'Latency, gateway and upstream',
    description:
      form.more === null
        ? "Time from a request's first byte to the end of its answer. Tyk's flat document has no split by gateway and upstream."
        : "Time from a request's first byte to the end of its answer, and the parts of gateway and upstream.",
    rows: [
      {
        height: 7,
        panels: [
          ...percentiles.map((column, i) => metric(`metric-${i}`, `latency ${column.label}`, column)),
          metric('average', 'average latency', measure('average', duration, 'Average (ms)')),
        ],
      },
      {
        height: 12,
        panels: [
          xy('percentiles', 'latency over time', 'line', [overTime()], percentiles),
          // By its own value: the slowest APIs, not the most used ones.
          xy(
            'by-api',
            'slowest APIs, 95th percentile',
            'line',
            [overTime(), top(api, 'API')],
            [percentile(95, duration, 'p95 (ms)')],
          ),
        ],
      },
      ...split(form),
      {
        height: 14,
        panels: [
          table('apis', 'latency by API', [top(api, 'API', 20)], columns),
          table('paths', 'latency by path', [top(path, 'Path', 20)], columns),
        ],
      },
      {
        height: 12,
        panels: [
          xy(
            'distribution',
            'requests by duration',
            'bar_stacked',
            [byRange(duration, 'Duration (ms)')],
            [count('Requests')],
          ),
          table('codes', 'latency by status code', [top(code, 'Status', 20)], columns),
        ],
      },
      { height: 16, panels: [searches(form).slow] },
    ],
  })
}

function split(form: Form): Row[] {
  if (form.more === null) return []
  const { upstream, gateway } = form.more
  const { xy, table } = chartsOf(form, 'latency')
  const averages = [measure('average', upstream, 'Upstream (ms)'), measure('average', gateway, 'Gateway (ms)')]
  const ends = [95, 99].flatMap((percent) => [
    percentile(percent, upstream, `Upstream p${percent} (ms)`),
    percentile(percent, gateway, `Gateway p${percent} (ms)`),
  ])
  return [
    {
      height: 12,
      panels: [
        xy('parts', 'average by gateway and upstream', 'area_stacked', [overTime()], averages),
        xy('parts-percentiles', 'percentiles of gateway and upstream', 'line', [overTime()], ends),
      ],
    },
    {
      height: 12,
      panels: [
        table(
          'parts-apis',
          'gateway and upstream by API',
          [top(form.fields.api, 'API', 20)],
          [count('Requests'), ...averages, ...ends],
        ),
      ],
    },
  ]
}
