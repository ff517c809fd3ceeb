import { useEffect, useMemo, useState } from 'preact/hooks'
import type * as VirtualWorldMap from 'virtual:world-map'
import { about } from '../../api/about.ts'
import { useResource } from '../../api/resource.ts'
import type { Countries, Country } from '../../api/types.ts'
import { announce } from '../../components/announce.tsx'
import { Command } from '../../components/copy.tsx'
import { CountTable } from '../../components/count-table.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { Empty, Notice } from '../../components/states.tsx'
import { ViewFrame } from '../../components/view.tsx'
import { countryName } from '../../format/country.ts'
import { compact, count, duration, percent } from '../../format/number.ts'
import { go, narrow, page } from '../../state/location.ts'
import { viewPath } from '../../state/view-path.ts'
import { errorShare, type Extent, extentOf, type Measure, shadeLabels, shadeOf, sortCountries } from './shades.ts'

type World = typeof VirtualWorldMap

/** Where do the requests come from? */
export function WorldMap() {
  const resource = useResource<Countries>(viewPath('/countries')).value
  const { data } = resource
  useEffect(() => {
    if (data !== null) announce(`${knownOf(data.countries).length} countries`)
  }, [data])
  return (
    <ViewFrame resource={resource} title="Map" skeleton={['chart', 'rows']} isEmpty={isEmpty}>
      {(answer) => <Whole answer={answer} />}
    </ViewFrame>
  )
}

const knownOf = (countries: readonly Country[]): readonly Country[] => countries.filter(({ iso }) => iso !== '')
const isEmpty = ({ countries }: Countries): boolean => knownOf(countries).length === 0

function Whole({ answer: { available, countries } }: { readonly answer: Countries }) {
  const known = knownOf(countries)
  // A file that nobody has written to yet may lack what its first record brings.
  if (!available) return about.value?.records === 0 ? <Empty /> : <NotKept />
  if (countries.length === 0) return <Empty />
  if (known.length === 0) return <NoGeo reason="No request in this range has a country." />
  return <Both countries={countries} known={known} />
}

function NotKept() {
  const isElasticsearch = about.value?.store.kind === 'elasticsearch'
  const cure = isElasticsearch
    ? 'Flat documents have none. A data stream of the pump has them (TEK_EXPLORER_ELASTICSEARCH_INDEX names it), and so has its sink sql with type sqlite.'
    : 'The file was written without them, by an older program. Records that the pump adds have them.'
  return <Notice title="No countries here" text={`This store does not keep countries. ${cure}`} />
}

function NoGeo({ reason }: { readonly reason: string }) {
  return (
    <Notice title="No countries yet" text={`${reason} The gateway looks them up when it has a database of addresses.`}>
      <ol class="steps">
        <li>
          <p>
            Get a database in MaxMind's format, for example GeoLite2 City, and put it beside <code>tyk.conf</code>.
          </p>
        </li>
        <li>
          <p>
            Switch the look-up on in <code>tyk.conf</code>, and restart the gateway:
          </p>
          <Command
            text={'"analytics_config": { "enable_geo_ip": true, "geo_ip_db_path": "./GeoLite2-City.mmdb" }'}
            label="settings in tyk.conf"
          />
          <p>Or with environment variables:</p>
          <Command
            text="TYK_GW_ANALYTICSCONFIG_ENABLEGEOIP=true TYK_GW_ANALYTICSCONFIG_GEOIPDBLOCATION=./GeoLite2-City.mmdb"
            label="settings as environment variables"
          />
          <p class="hint">
            npm start writes a <code>tyk.conf</code> of its own and takes neither: run the gateway with your own for it.
          </p>
        </li>
        <li>
          <p>
            Addresses of private networks and of this machine have no country. Behind a proxy the client's address is
            read from <code>X-Forwarded-For</code>.
          </p>
        </li>
      </ol>
    </Notice>
  )
}

const MEASURES = [
  { value: 'requests', label: 'Requests' },
  { value: 'errors', label: 'Error share' },
] as const

function Both({ countries, known }: { readonly countries: readonly Country[]; readonly known: readonly Country[] }) {
  const measure: Measure = page.value.sort === 'errors' ? 'errors' : 'requests'
  const extent = extentOf(known)
  const sorted = useMemo(() => sortCountries(countries, measure), [countries, measure])
  return (
    <div class="map-view">
      <section class="card map">
        <header class="list-head">
          <h2>{measure === 'errors' ? 'Error share by country' : 'Requests by country'}</h2>
          <Segmented
            label="Measure"
            value={measure}
            choices={MEASURES}
            onChoose={(value) => go({ sort: value === 'errors' ? 'errors' : '' })}
          />
        </header>
        <Picture known={known} measure={measure} extent={extent} />
        <Scale measure={measure} extent={extent} />
      </section>
      <section class="card top-table">
        <CountryTable countries={sorted} />
      </section>
    </div>
  )
}

function Picture({
  known,
  measure,
  extent,
}: {
  readonly known: readonly Country[]
  readonly measure: Measure
  readonly extent: Extent
}) {
  const [world, setWorld] = useState<World | null>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    import('virtual:world-map').then(setWorld, () => setFailed(true))
  }, [])
  const byIso = new Map(known.map((country) => [country.iso, country]))
  if (failed) return <p class="hint map-box">The map could not be loaded; the table has the same numbers.</p>
  if (world === null) return <div class="map-box" aria-busy="true" />
  return (
    <svg
      class={`map-box by-${measure}`}
      viewBox={`0 0 ${world.width} ${world.height}`}
      role="img"
      aria-label="World map, shaded by country. The table beside it has the same numbers."
    >
      {world.countries.map(([iso, path], index) => {
        const country = byIso.get(iso)
        if (country === undefined) return <path key={index} d={path} class="land" />
        return (
          <path
            key={index}
            d={path}
            class={`land shade-${shadeOf(country, measure, extent)} known`}
            onClick={(event) => narrow('country', iso, event.altKey ? 'exclude' : 'only')}
          >
            <title>
              {`${countryName(iso)}: ${count(country.count)} requests, ${percent(errorShare(country))} errors, p95 ${duration(country.p95Ms)}`}
            </title>
          </path>
        )
      })}
    </svg>
  )
}

function Scale({ measure, extent }: { readonly measure: Measure; readonly extent: Extent }) {
  return (
    <ul class={`scale by-${measure}`} aria-label="Shades">
      {shadeLabels(measure, extent, compact).map(
        (label, index) =>
          label !== '' && (
            <li key={index}>
              <span class={`swatch shade-${index + 1}`} aria-hidden="true" />
              {label}
            </li>
          ),
      )}
    </ul>
  )
}

function CountryTable({ countries }: { readonly countries: readonly Country[] }) {
  const total = countries.reduce((sum, country) => sum + country.count, 0)
  const rows = countries.map((country) => ({
    ...country,
    value: country.iso,
    shown:
      country.iso === '' ? <span class="none">Unknown</span> : <span class="end-cut">{countryName(country.iso)}</span>,
  }))
  return <CountTable title="Countries" field="country" rows={rows} total={total} />
}
