import { byQuery, count, overTime, share, top } from '../columns.ts'
import { chartsOf, dashboard } from '../dashboard.ts'
import { type Form, statusQueries } from '../forms.ts'
import type { SavedObject } from '../saved-object.ts'
import { searches } from '../searches.ts'

/** Who is refused: without credentials, without the right, or beyond a limit. */
export function limits(form: Form): SavedObject[] {
  const { api, path, code, alias, key, ip, tags } = form.fields
  const { refused } = statusQueries(form)
  const { xy, metric, table } = chartsOf(form, 'limits')
  const only = { query: refused }
  const refusals = count('Refused')
  const kinds: [label: string, query: string][] = [
    ['401 not authenticated', `${code} : 401`],
    ['403 not allowed, or quota exceeded', `${code} : 403`],
    ['429 rate limit exceeded', `${code} : 429`],
  ]
  const byKind = kinds.map(([label, query]) => count(label.slice(0, 3), query))
  return dashboard(form, {
    id: 'limits',
    title: 'Limits and auth failures',
    description:
      'Requests refused with 401, 403 or 429. The gateway answers 403 to a key whose quota is used up; an upstream may use the same codes.',
    rows: [
      {
        height: 7,
        panels: [
          metric('unauthenticated', 'not authenticated', count('401', `${code} : 401`)),
          metric('forbidden', 'not allowed, or quota exceeded', count('403', `${code} : 403`)),
          metric('limited', 'rate limit exceeded', count('429', `${code} : 429`)),
          metric('share', 'refused of all requests', share('Refused', refused)),
        ],
      },
      {
        height: 12,
        panels: [
          xy('kinds', 'refusals over time', 'bar_stacked', [overTime(), byQuery('Kind', kinds)], [refusals], only),
          xy('by-api', 'refusals by API', 'bar_stacked', [overTime(), top(api, 'API')], [refusals], only),
        ],
      },
      {
        height: 14,
        panels: [
          table('keys', 'refused keys', [top(key, 'Key', 50)], [refusals, ...byKind], only),
          table(
            'aliases',
            'refused consumers (empty: without alias)',
            [top(alias, 'Consumer', 50)],
            [refusals, ...byKind],
            only,
          ),
        ],
      },
      {
        height: 14,
        panels: [
          table('addresses', 'refused addresses', [top(ip, 'Address', 50)], [refusals, ...byKind], only),
          table('paths', 'where it happens', [top(api, 'API', 10), top(path, 'Path', 10)], [refusals, ...byKind], only),
          table('tags', 'tags of refused requests', [top(tags, 'Tag', 50)], [refusals, ...byKind], only),
        ],
      },
      { height: 16, panels: [searches(form).refused] },
    ],
  })
}
