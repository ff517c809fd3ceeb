import { count, overTime, percentile, share, top } from '../columns.ts'
import { chartsOf, dashboard } from '../dashboard.ts'
import { type Form, statusQueries } from '../forms.ts'
import { requestMap } from '../map.ts'
import type { SavedObject } from '../saved-object.ts'

/** Where clients are. Nothing for a document without places, as Tyk's flat one is. */
export function map(form: Form): SavedObject[] {
  if (form.more === null) return []
  const { country, city, location } = form.more
  const { failed } = statusQueries(form)
  const { xy, table } = chartsOf(form, 'map')
  const quality = [count('Requests'), share('Failed', failed), percentile(95, form.fields.duration, 'p95 (ms)')]
  return dashboard(form, {
    id: 'map',
    title: 'Map',
    description: 'Where clients are, by GeoIP. The map behind the points comes from the internet, the points do not.',
    rows: [
      { height: 20, panels: [requestMap(form, 'map-requests', 'requests by place', location)] },
      {
        height: 14,
        panels: [
          table('countries', 'countries', [top(country, 'Country', 50)], quality),
          table('cities', 'cities', [top(city, 'City', 50)], quality),
        ],
      },
      {
        height: 12,
        panels: [
          xy(
            'over-time',
            'requests by country',
            'area_stacked',
            [overTime(), top(country, 'Country')],
            [count('Requests')],
          ),
        ],
      },
    ],
  })
}
