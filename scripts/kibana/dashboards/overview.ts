import { byQuery, count, measure, overTime, percentile, share, top } from '../columns.ts'
import { chartsOf, dashboard } from '../dashboard.ts'
import { type Form, statusQueries } from '../forms.ts'
import type { SavedObject } from '../saved-object.ts'

/** What is called, how often, how well: the first look. */
export function overview(form: Form): SavedObject[] {
  const { api, path, method, version, code, duration } = form.fields
  const { classes, clientErrors, serverErrors } = statusQueries(form)
  const { xy, metric, donut, table } = chartsOf(form, 'overview')
  const quality = [
    count('Requests'),
    share('Server errors', serverErrors),
    share('Client errors', clientErrors),
    percentile(95, duration, 'p95 (ms)'),
  ]
  return dashboard(form, {
    id: 'overview',
    title: 'Overview',
    description: 'Requests, errors and latency of all APIs.',
    rows: [
      {
        height: 7,
        panels: [
          metric('requests', 'requests', count('Requests')),
          metric('server-errors', 'share of server errors', share('Server errors', serverErrors)),
          metric('client-errors', 'share of client errors', share('Client errors', clientErrors)),
          metric('p95', 'latency, 95th percentile', percentile(95, duration, 'p95 (ms)')),
          metric('apis', 'APIs in use', measure('unique_count', api, 'APIs')),
          metric('callers', 'client addresses', measure('unique_count', form.fields.ip, 'Addresses')),
        ],
      },
      {
        height: 12,
        panels: [
          xy(
            'classes',
            'requests by status class',
            'bar_stacked',
            [overTime(), byQuery('Status', classes)],
            [count('Requests')],
          ),
        ],
      },
      {
        height: 12,
        panels: [
          xy('by-api', 'requests by API', 'area_stacked', [overTime(), top(api, 'API')], [count('Requests')]),
          xy(
            'latency',
            'latency percentiles',
            'line',
            [overTime()],
            [
              percentile(50, duration, 'p50 (ms)'),
              percentile(95, duration, 'p95 (ms)'),
              percentile(99, duration, 'p99 (ms)'),
            ],
          ),
        ],
      },
      {
        height: 14,
        panels: [
          table('apis-table', 'most used APIs', [top(api, 'API', 20)], quality),
          table('paths', 'most used paths', [top(path, 'Path', 20)], quality),
        ],
      },
      {
        height: 12,
        panels: [
          donut('methods', 'methods', top(method, 'Method'), count('Requests')),
          donut('versions', 'API versions', top(version, 'Version'), count('Requests')),
          donut('codes', 'status codes', top(code, 'Status'), count('Requests')),
        ],
      },
    ],
  })
}
