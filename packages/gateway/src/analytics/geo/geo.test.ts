import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../../../../test/support/eventually.ts'
import { mmdbFolder, mmdbSkipReason } from '../../../../../test/support/mmdb.ts'
import { createLogger } from '../../log/logger.ts'
import { openGeoDatabase, type GeoDatabase } from './index.ts'

const CITY = join(mmdbFolder, 'GeoIP2-City-Test.mmdb')
const LONDON = '81.2.69.142'

interface Fixture extends AsyncDisposable {
  readonly database: GeoDatabase
  readonly path: string
  readonly lines: string[]
  /** Puts a file in place of the database, as updates do it. */
  replace(source: string): Promise<void>
}

async function fixture(source: string | null): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'tek-geo-'))
  const path = join(folder, 'city.mmdb')
  if (source !== null) await copyFile(source, path)
  const lines: string[] = []
  const destination = { write: (line: string) => lines.push(line) }
  const log = createLogger({ format: 'text', level: 'info', destination, isTty: false })
  const database = await openGeoDatabase({ path, log, pollMs: 10 })
  return {
    database,
    path,
    lines,
    async replace(next) {
      await copyFile(next, `${path}.new`)
      await rename(`${path}.new`, path)
    },
    async [Symbol.asyncDispose]() {
      database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test('a missing database is an error line and no place', async () => {
  await using it = await fixture(null)
  expect(it.lines.join('')).toContain('Failed to init GeoIP Database: ENOENT')
  expect(it.database.find(LONDON)).toBeNull()
})

describe.skipIf(mmdbSkipReason())('with the test database', () => {
  test('gives the country, the city in every language as bytes, and the place of an address', async () => {
    await using it = await fixture(CITY)
    const place = it.database.find(LONDON)
    expect(place).toMatchObject({
      country: { isoCode: 'GB' },
      city: { geonameId: 2_643_743, names: { en: 'London', fr: 'Londres' } },
      location: { latitude: 51.5142, longitude: -0.0931, timeZone: 'Europe/London' },
    })
    expect(Buffer.from(place?.city.names?.['ru'] ?? '', 'latin1').toString('utf8')).toBe('Лондон')
    expect(it.database.find(LONDON)).toBe(place)
  })

  test.each(['', '127.0.0.1'])('gives nothing for %j', async (address) => {
    await using it = await fixture(CITY)
    expect(it.database.find(address)).toBeNull()
    expect(it.lines).toEqual([])
  })

  test('says what it could not look up, once', async () => {
    await using it = await fixture(CITY)
    for (let i = 0; i < 3; i++) expect(it.database.find('not an address')).toBeNull()
    expect(it.lines).toHaveLength(1)
    expect(it.lines[0]).toContain('GeoIP Failure (not recorded): ')
  })

  test('is read again when the file changes, also one that was missing', async () => {
    await using it = await fixture(null)
    await it.replace(CITY)
    await eventually(() => expect(it.database.find(LONDON)?.country.isoCode).toBe('GB'))
    await it.replace(join(mmdbFolder, 'GeoLite2-ASN-Test.mmdb'))
    await eventually(() => expect(it.database.find(LONDON)?.country.isoCode).not.toBe('GB'))
  })

  test('goes on with what it has when the new file is broken or gone', async () => {
    await using it = await fixture(CITY)
    await writeFile(`${it.path}.broken`, 'not a database')
    await it.replace(`${it.path}.broken`)
    await eventually(() => expect(it.lines.join('')).toContain('Failed to init GeoIP Database: '))
    await rm(it.path)
    await eventually(() => expect(it.lines.join('')).toContain('ENOENT'))
    expect(it.database.find(LONDON)?.country.isoCode).toBe('GB')
  })
})
