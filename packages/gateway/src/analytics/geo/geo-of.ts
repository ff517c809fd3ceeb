import { emptyGeo, type Geo } from '@tek/analytics-record'
import type { CityResponse } from 'maxmind'
import { toByteString } from '../../byte-string.ts'

/** The part of a database entry that records have. Shared by the records of one address, so nobody may change it. */
export function geoOf({ country, city, location }: CityResponse): Geo {
  const geo = emptyGeo()
  geo.country.isoCode = country?.iso_code ?? ''
  geo.city.geonameId = city?.geoname_id ?? 0
  if (city?.names !== undefined) geo.city.names = byteStrings(city.names)
  geo.location.latitude = location?.latitude ?? 0
  geo.location.longitude = location?.longitude ?? 0
  geo.location.timeZone = location?.time_zone ?? ''
  for (const part of [geo.country, geo.city, geo.location]) Object.freeze(part)
  return Object.freeze(geo)
}

function byteStrings(names: object): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([language, name]) => [language, toByteString(String(name))]))
}
