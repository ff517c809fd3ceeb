import { byQuery, count, overTime, share, top } from '../columns.ts'
import { chartsOf, dashboard } from '../dashboard.ts'
import { type Form, statusQueries } from '../forms.ts'
import type { SavedObject } from '../saved-object.ts'
import { searches } from '../searches.ts'

/**
 * What a status code means when the gateway itself answers, by docs/reference/errors.md. A record has no field for the
 * reason, and an upstream may use the same codes for reasons of its own: so each says "or the upstream".
 */
function reasons({ fields: { code } }: Form): [label: string, query: string][] {
  const rows: [label: string, codes: string][] = [
    ['400 malformed request or credentials', '400'],
    ['401 credentials missing or expired', '401'],
    ['403 key, policy, quota or address not allowed', '403'],
    ['404 no such path', '404'],
    ['405, 411, 413, 415, 422 request not accepted', '(405 or 411 or 413 or 415 or 422)'],
    ['429 rate limit', '429'],
    ['499 client went away', '499'],
    ['500 upstream not reached, or its own error', '500'],
    ['502 bad answer of an upstream', '502'],
    ['503 overloaded or switched off', '503'],
    ['504 upstream timed out', '504'],
  ]
  return rows.map(([label, codes]) => [label, `${code} : ${codes}`])
}

/** Which errors, why, where, since when. */
export function errors(form: Form): SavedObject[] {
  const { api, version, path, method, code, alias } = form.fields
  const { clientErrors, serverErrors, failed } = statusQueries(form)
  const { xy, metric, table, times } = chartsOf(form, 'errors')
  const only = { query: failed }
  const failures = count('Failed requests')
  return dashboard(form, {
    id: 'errors',
    title: 'Errors and reasons',
    description: 'Failed requests by code, reason, API and time. A reason is what the gateway means by a code.',
    rows: [
      {
        height: 7,
        panels: [
          metric('server', 'server errors', count('5xx', serverErrors)),
          metric('server-share', 'server errors of all requests', share('5xx', serverErrors)),
          metric('client', 'client errors', count('4xx', clientErrors)),
          metric('client-share', 'client errors of all requests', share('4xx', clientErrors)),
        ],
      },
      {
        height: 12,
        panels: [
          xy('codes', 'errors by status code', 'bar_stacked', [overTime(), top(code, 'Status')], [failures], only),
          xy(
            'share',
            'share of failed requests',
            'line',
            [overTime()],
            [share('Server errors', serverErrors), share('Client errors', clientErrors)],
          ),
        ],
      },
      {
        height: 14,
        panels: [
          table('reasons', 'reasons, or the upstream', [byQuery('Reason', reasons(form))], [failures], only),
          xy(
            'reasons-time',
            'reasons over time',
            'bar_stacked',
            [overTime(), byQuery('Reason', reasons(form))],
            [failures],
            only,
          ),
        ],
      },
      {
        height: 14,
        panels: [
          times(
            'seen',
            'errors by API: first and last seen',
            [
              [api, 'API', 20],
              [code, 'Status', 10],
            ],
            failed,
          ),
          table('paths', 'paths with most errors', [top(path, 'Path', 20), top(method, 'Method', 4)], [failures], only),
        ],
      },
      {
        height: 12,
        panels: [
          table(
            'versions',
            'errors by API and version',
            [top(api, 'API', 20), top(version, 'Version', 10)],
            [failures],
            only,
          ),
          table(
            'consumers',
            'consumers with most errors (empty: without alias)',
            [top(alias, 'Consumer', 20)],
            [failures],
            only,
          ),
        ],
      },
      { height: 16, panels: [searches(form).failed] },
    ],
  })
}
