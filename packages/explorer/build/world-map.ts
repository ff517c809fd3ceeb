import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { geoNaturalEarth1, geoPath } from 'd3-geo'
import { feature } from 'topojson-client'
import type { Plugin } from 'vite'
import { ALPHA2_OF_NUMERIC } from './country-codes.ts'

type Topology = Parameters<typeof feature>[0]

const MAP_WIDTH = 960

const MODULE = 'virtual:world-map'

/**
 * Gives the page `virtual:world-map`: one SVG path per country, already projected. Done here and not in the browser the
 * map costs 40 KB (gzip) in place of the topology, its reader, the projection and their run on a phone.
 */
export function worldMap(): Plugin {
  const id = `\0${MODULE}`
  return {
    name: 'world-map',
    resolveId: (source) => (source === MODULE ? id : undefined),
    load: (module) => (module === id ? moduleText() : undefined),
  }
}

function moduleText(): string {
  const { height, countries } = countryPaths()
  return `export const width = ${MAP_WIDTH}\nexport const height = ${height}\nexport const countries = ${JSON.stringify(countries)}\n`
}

/** ISO 3166-1 alpha-2 and path data; the empty code is land that belongs to no code. */
export function countryPaths(): { height: number; countries: [iso: string, path: string][] } {
  const file = createRequire(import.meta.url).resolve('world-atlas/countries-110m.json')
  const topology: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const world = topology as Topology
  const object = world.objects['countries']
  if (object === undefined) throw new Error('world-atlas has no object named countries')
  const land = feature(world, object)
  const features = land.type === 'FeatureCollection' ? land.features : [land]
  // Antarctica sends no requests and takes a fifth of the height.
  const shown = features.filter(({ id }) => id !== '010')
  const all = { type: 'FeatureCollection' as const, features: shown }
  const draw = geoPath(geoNaturalEarth1().fitWidth(MAP_WIDTH, all)).digits(1)
  const height = Math.ceil(draw.bounds(all)[1][1])
  return {
    height,
    countries: shown.map((country) => [ALPHA2_OF_NUMERIC[String(country.id)] ?? '', draw(country) ?? '']),
  }
}
