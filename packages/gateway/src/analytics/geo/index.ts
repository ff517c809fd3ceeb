import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { Geo } from '@tek/analytics-record'
import { Reader, type CityResponse } from 'maxmind'
import type { Log } from '../../log/log.ts'
import { createRepeatedLog } from '../../log/repeated.ts'
import { geoOf } from './geo-of.ts'

/** Places of client addresses, from a MaxMind City database. */
export interface GeoLookup {
  /** null: the address is empty or not in the database, or there is no database. */
  find(address: string): Geo | null
}

export interface GeoDatabase extends GeoLookup {
  close(): void
}

export interface GeoOptions {
  readonly path: string
  readonly log: Log
  /** How often the file is looked at; default half a minute. */
  readonly pollMs?: number
}

const IPV6_IN_IPV4 = 'you attempted to look up an IPv6 address in an IPv4-only database'

/**
 * Addresses whose place is remembered, instead of walking the tree and decoding an entry for each record (Node 24,
 * bench/geo.bench.ts).
 */
const REMEMBERED = 8192

/**
 * Opens the database and reads it again whenever the file changes, also when it was missing or broken at first.
 *
 * The file's status is polled: notifications of the file system get lost on network and container mounts.
 */
export async function openGeoDatabase({ path, log, pollMs = 30_000 }: GeoOptions): Promise<GeoDatabase> {
  const failures = createRepeatedLog(log)
  let seen = ''
  let reader: Reader<CityResponse> | null = null
  let reading = false
  let places = new Map<string, Geo | null>()

  const read = async (): Promise<void> => {
    if (reading) return
    reading = true
    try {
      const state = await stateOf(path)
      if (state === seen) return
      const first = seen === ''
      seen = state
      reader = new Reader<CityResponse>(await readFile(path))
      places = new Map()
      if (!first) log.info({ path }, 'GeoIP Database loaded')
    } catch (err) {
      // A database that could be read before goes on serving.
      log.error({ path }, `Failed to init GeoIP Database: ${(err as Error).message}`)
    } finally {
      reading = false
    }
  }

  const lookUp = (address: string): Geo | null => {
    try {
      // The library would walk the tree with whatever bits it is given, and find some place.
      const version = isIP(address)
      if (version === 0) throw new Error('the client address is none')
      if (version === 6 && reader?.metadata.ipVersion === 4) throw new Error(IPV6_IN_IPV4)
      const found = reader?.get(address) ?? null
      return found === null ? null : geoOf(found)
    } catch (err) {
      const { message } = err as Error
      failures.write('error', message, {}, `GeoIP Failure (not recorded): ${message}`)
      return null
    }
  }

  await read()
  const timer = setInterval(() => void read(), pollMs).unref()
  return {
    find(address) {
      if (reader === null || address === '') return null
      const known = places.get(address)
      if (known !== undefined) return known
      const place = lookUp(address)
      if (places.size >= REMEMBERED) places.clear()
      places.set(address, place)
      return place
    },
    close() {
      clearInterval(timer)
      failures.close()
    },
  }
}

async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path)
    return `${ino} ${size} ${mtimeMs}`
  } catch (err) {
    return `missing: ${(err as NodeJS.ErrnoException).code}`
  }
}
