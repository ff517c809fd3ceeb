import { byQuery, count, overTime, percentile, share, top } from '../columns.ts'
import { chartsOf, dashboard } from '../dashboard.ts'
import { type Form, statusQueries } from '../forms.ts'
import type { SavedObject } from '../saved-object.ts'
import { searches } from '../searches.ts'

/** Everything about one API, once a value in the first table was clicked. */
export function oneApi(form: Form): SavedObject[] {
  const { api, apiId, path, method, version, code, duration, alias } = form.fields
  const { classes, failed, serverErrors } = statusQueries(form)
  const { xy, donut, table, markdown } = chartsOf(form, 'api')
  const p95 = percentile(95, duration, 'p95 (ms)')
  const requests = count('Requests')
  return dashboard(form, {
    id: 'api',
    title: 'One API',
    description: 'Paths, versions, consumers and errors of one API. Choose it by a click in the first table.',
    rows: [
      {
        height: 11,
        widths: [12, 36],
        panels: [
          markdown(
            'how',
            'choose an API',
            [
              'Point at the name of an API in the table and click **+** (*Filter for value*).',
              'Every chart of this page then shows that API alone, and so do the other dashboards once the filter is pinned.',
              `The same in words, in the query line: \`${api.replace(/\.keyword$/, '')} : "name of the API"\``,
            ].join('\n\n'),
          ),
          table(
            'choose',
            'APIs',
            [top(api, 'API', 50), top(apiId, 'API id', 1)],
            [requests, share('Server errors', serverErrors), p95],
          ),
        ],
      },
      {
        height: 12,
        panels: [
          xy(
            'classes',
            'status classes of the API',
            'bar_stacked',
            [overTime(), byQuery('Status', classes)],
            [requests],
          ),
          xy(
            'latency',
            'latency of the API',
            'line',
            [overTime()],
            [percentile(50, duration, 'p50 (ms)'), p95, percentile(99, duration, 'p99 (ms)')],
          ),
        ],
      },
      {
        height: 14,
        widths: [32, 16],
        panels: [
          table(
            'paths',
            'endpoints',
            [top(path, 'Path', 20), top(method, 'Method', 8)],
            [requests, share('Failed', failed), p95],
          ),
          donut('codes', 'status codes of the API', top(code, 'Status'), requests),
        ],
      },
      {
        height: 12,
        panels: [
          xy('versions', 'versions in use', 'area_stacked', [overTime(), top(version, 'Version')], [requests]),
          table(
            'consumers',
            'consumers of the API (empty: without alias)',
            [top(alias, 'Consumer', 20)],
            [requests, share('Failed', failed), p95],
          ),
        ],
      },
      { height: 16, panels: [searches(form).all] },
    ],
  })
}
