// What does the place of a client's address cost a record, remembered and looked up?
// Run, with the databases that test/servers/mmdb/mmdb.sh brings: node --conditions=source bench/geo.bench.ts
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Reader, type CityResponse } from 'maxmind'
import { compare } from '../../../bench/lib/compare.ts'
import { mmdbFolder } from '../../../test/support/mmdb.ts'
import { geoOf } from '../src/analytics/geo/geo-of.ts'
import { openGeoDatabase } from '../src/analytics/geo/index.ts'
import { createLogger } from '../src/log/logger.ts'

/** Texts of their own, as each request brings one. */
const ADDRESSES = Array.from({ length: 1024 }, () => Buffer.from('81.2.69.142').toString('latin1'))
const path = join(mmdbFolder, 'GeoIP2-City-Test.mmdb')
const log = createLogger({ format: 'text', level: 'info', destination: process.stderr, isTty: false })
const database = await openGeoDatabase({ path, log })
const reader = new Reader<CityResponse>(await readFile(path))

compare('place of an address', [
  { name: 'remembered', run: (call) => database.find(ADDRESSES[call & 1023]!) },
  { name: 'looked up', run: (call) => geoOf(reader.get(ADDRESSES[call & 1023]!)!) },
])
database.close()
