import { count, measure, overTime, percentile, share, top } from '../columns.ts'
import { chartsOf, dashboard, type Row } from '../dashboard.ts'
import { type Form, statusQueries } from '../forms.ts'
import type { SavedObject } from '../saved-object.ts'
import { searches } from '../searches.ts'

/** Who calls, what, and how it goes for them. */
export function consumers(form: Form): SavedObject[] {
  const { api, duration, alias, key, oauthClient, organisation, ip, tags } = form.fields
  const { failed } = statusQueries(form)
  const { xy, metric, table } = chartsOf(form, 'consumers')
  const requests = count('Requests')
  const quality = [requests, share('Failed', failed), percentile(95, duration, 'p95 (ms)')]
  return dashboard(form, {
    id: 'consumers',
    title: 'Consumers',
    description: 'Who calls: aliases, keys, clients, tags and addresses. An empty alias is a request without one.',
    rows: [
      {
        height: 7,
        panels: [
          metric('aliases', 'consumers with an alias', measure('unique_count', alias, 'Aliases')),
          metric('keys', 'keys in use', measure('unique_count', key, 'Keys')),
          metric('addresses', 'addresses of clients', measure('unique_count', ip, 'Addresses')),
          metric('named', 'requests with an alias', share('With alias', `not ${alias} : ""`)),
        ],
      },
      {
        height: 12,
        panels: [
          xy('over-time', 'requests by consumer', 'area_stacked', [overTime(), top(alias, 'Consumer')], [requests], {
            query: `not ${alias} : ""`,
          }),
        ],
      },
      {
        height: 14,
        panels: [
          table('by-alias', 'consumers', [top(alias, 'Consumer', 50)], quality),
          table('by-key', 'keys', [top(key, 'Key', 50)], quality),
        ],
      },
      {
        height: 14,
        panels: [
          table('what', 'what consumers call', [top(alias, 'Consumer', 20), top(api, 'API', 10)], quality),
          table('by-tag', 'tags', [top(tags, 'Tag', 50)], quality),
        ],
      },
      {
        height: 12,
        panels: [
          table('by-address', 'client addresses', [top(ip, 'Address', 50)], quality),
          table('by-client', 'OAuth clients', [top(oauthClient, 'Client', 20)], quality),
          table('by-organisation', 'organisations', [top(organisation, 'Organisation', 20)], quality),
        ],
      },
      ...agents(form),
      { height: 16, panels: [searches(form).consumer] },
    ],
  })
}

function agents(form: Form): Row[] {
  if (form.more === null) return []
  const { table, donut } = chartsOf(form, 'consumers')
  const { userAgent, listenPath } = form.more
  return [
    {
      height: 12,
      widths: [32, 16],
      panels: [
        table('agents', 'user agents', [top(userAgent, 'User agent', 50)], [count('Requests')]),
        donut('listen-paths', 'listen paths', top(listenPath, 'Listen path'), count('Requests')),
      ],
    },
  ]
}
