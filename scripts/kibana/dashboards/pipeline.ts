import { count, measure, overTime, share, top } from '../columns.ts'
import { chartsOf, dashboard } from '../dashboard.ts'
import type { Form } from '../forms.ts'
import type { SavedObject } from '../saved-object.ts'

/** Whether records arrive, as far as the records themselves can tell. */
export function pipeline(form: Form): SavedObject[] {
  const { api, bytes, apiId, tags, code } = form.fields
  const { xy, metric, markdown, latest, times } = chartsOf(form, 'pipeline')
  return dashboard(form, {
    id: 'pipeline',
    title: 'Pipeline health',
    description:
      'Whether records arrive: the newest one, gaps, APIs that fell silent. What is missing, only the pump knows.',
    // A bar per minute: Kibana joins the bars when there are more of them than it has room for.
    timeFrom: 'now-1h',
    rows: [
      {
        height: 8,
        widths: [16, 8, 8, 8, 8],
        panels: [
          latest('newest', 'newest record'),
          metric('records', 'records', count('Records')),
          metric('apis', 'APIs with records', measure('unique_count', apiId, 'APIs')),
          metric('nameless', 'records without an API', count('Without API', `${apiId} : ""`)),
          metric('no-code', 'records without a status', count('Without status', `not ${code} >= 100`)),
        ],
      },
      {
        height: 12,
        panels: [
          xy('per-minute', 'records per minute: gaps show', 'bar_stacked', [overTime('1m')], [count('Records')]),
        ],
      },
      {
        height: 14,
        panels: [
          times('silent', 'APIs: first and last record', [[api, 'API', 100]]),
          xy('by-api', 'records by API', 'area_stacked', [overTime(), top(api, 'API', 20)], [count('Records')]),
        ],
      },
      {
        height: 12,
        panels: [
          xy('volume', 'bytes of request bodies', 'bar_stacked', [overTime()], [measure('sum', bytes, 'Bytes')], {
            query: `${bytes} >= 0`,
          }),
          xy(
            'details',
            'records with tags, bodies of unknown length',
            'line',
            [overTime()],
            [
              share('With tags', `${tags} : *`),
              share('Body of unknown length', form.more === null ? `${bytes} < 0` : `not ${bytes} : *`),
            ],
          ),
        ],
      },
      {
        height: 12,
        panels: [
          markdown(
            'ask',
            'ask the pump',
            [
              'A chart of stored records cannot show what was **not** stored. The pump can:',
              '- `curl http://<pump>:8083/ready`: per sink its state, its last error, the oldest record that is not delivered, dead letters',
              '- `curl http://<pump>:8083/metrics`: the same for Prometheus; *taken = delivered + filtered + dead + dropped + pending*',
              '- `pump ledger`: what the gateways wrote beside what was delivered, and whether a record is missing',
              '- `pump check`: walks the way of one record and says at which step it ends',
              '- `pump dead-letters list`: what this Elasticsearch has refused, and why',
            ].join('\n'),
          ),
        ],
      },
    ],
  })
}
