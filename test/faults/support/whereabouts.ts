import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeRecord } from '@tek/analytics-record'
import type { Redis } from 'ioredis'
import { decodeSpill } from '../../../packages/pump/src/spill/format.ts'
import type { SpilledEntry } from '../../../packages/pump/src/spill/store.ts'

/** Where the records of one sink are, by path, as Redis and the spill files have it. */
export interface Whereabouts {
  /** In a source list, or in a lease or a spill file that this sink has not acknowledged. */
  readonly waiting: ReadonlySet<string>
  /** How many dead letters there are of it. */
  readonly dead: ReadonlyMap<string, number>
}

/** All of it in one step, so that nothing moves from one place to another meanwhile. */
const EVERYTHING = `
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'list' then
    found[#found + 1] = { key, redis.call('LRANGE', key, 0, -1), redis.call('HGETALL', key .. ':meta') }
  elseif string.sub(key, -8) == ':spilled' then
    found[#found + 1] = { key, {}, redis.call('HGETALL', key) }
  end
end
return found`

type Entry = readonly [key: Buffer, elements: Buffer[], meta: Buffer[]]

/** A lease as one sink sees it. */
export interface HeldLease {
  /** Names the hold of the pump that has it; undefined: nobody has it. */
  readonly holder: string | undefined
  /** Paths of the records that the sink has not acknowledged. */
  readonly waiting: readonly string[]
}

/** By key, every lease there is. */
export async function findLeases(client: Redis, sink: string): Promise<ReadonlyMap<string, HeldLease>> {
  const leases = new Map<string, HeldLease>()
  for (const [key, elements, meta] of (await client.callBuffer('EVAL', EVERYTHING, '0')) as Entry[]) {
    const name = key.toString()
    if (!name.includes(':lease:')) continue
    const fields = fieldsOf(meta)
    const waiting = elements.slice(firstWaiting(name, sink, fields)).map(pathOf)
    leases.set(name, { holder: fields.get(`owner:${sink}`), waiting })
  }
  return leases
}

/** A file goes once its records are in Redis again, so one that has just gone is looked for there. */
const MOST_LOOKS = 20

/**
 * Finds every record of every sink. Whoever looks at a target must do it after this: what left Redis is there by then.
 *
 * @param spillFolder - Where the pumps have their spill files; null: they have none.
 */
export async function findRecords(
  client: Redis,
  sinks: readonly string[],
  spillFolder: string | null,
): Promise<ReadonlyMap<string, Whereabouts>> {
  for (let look = 1; ; look++) {
    try {
      return await lookOnce(client, sinks, spillFolder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || look === MOST_LOOKS) throw error
    }
  }
}

async function lookOnce(
  client: Redis,
  sinks: readonly string[],
  spillFolder: string | null,
): Promise<ReadonlyMap<string, Whereabouts>> {
  const places = new Map(
    sinks.map((sink) => [sink, { waiting: new Set<string>(), dead: new Map<string, number>() }] as const),
  )
  const entries = (await client.callBuffer('EVAL', EVERYTHING, '0')) as Entry[]
  for (const [key, elements, meta] of entries) {
    const name = key.toString()
    if (name.endsWith(':spilled')) {
      if (spillFolder !== null) await addSpilled(places, sourceOf(name), fieldsOf(meta), spillFolder)
      continue
    }
    if (name.endsWith(':dead-letters')) {
      for (const element of elements) {
        const { sink, raw } = JSON.parse(element.toString()) as { sink: string; raw: string }
        const dead = places.get(sink)?.dead
        const path = pathOf(Buffer.from(raw, 'base64'))
        dead?.set(path, (dead.get(path) ?? 0) + 1)
      }
      continue
    }
    const paths = elements.map(pathOf)
    const fields = fieldsOf(meta)
    for (const [sink, { waiting }] of places) {
      const first = firstWaiting(name, sink, fields)
      for (const path of paths.slice(first)) waiting.add(path)
    }
  }
  return places
}

/** What lies in files that count: of one that is being written the lease has the records. */
async function addSpilled(
  places: ReadonlyMap<string, { readonly waiting: Set<string> }>,
  source: string,
  segments: ReadonlyMap<string, string>,
  folder: string,
): Promise<void> {
  for (const [id, text] of segments) {
    const { state, offsets } = JSON.parse(text) as SpilledEntry
    if (state !== 'spilled' || Object.keys(offsets).length === 0) continue
    const file = join(folder, `${encodeURIComponent(id)}@${encodeURIComponent(source)}.segment`)
    const { records, damage } = decodeSpill(await readFile(file))
    if (damage !== null) throw new Error(`${file} is damaged: ${damage}`)
    for (const [sink, { waiting }] of places) {
      const first = offsets[sink] ?? Infinity
      for (const { index, raw } of records) if (index >= first) waiting.add(pathOf(raw))
    }
  }
}

/** `{<source>}:spilled` */
const sourceOf = (key: string): string => key.slice(1, key.lastIndexOf('}'))

const pathOf = (raw: Buffer): string => decodeRecord(raw).path

function fieldsOf(flat: readonly Buffer[]): ReadonlyMap<string, string> {
  return new Map(Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), String(flat[2 * i + 1])]))
}

/** Where in a list the records begin that wait for a sink. A lease without bookkeeping is for every sink. */
function firstWaiting(list: string, sink: string, fields: ReadonlyMap<string, string>): number {
  if (!list.includes(':lease:') || fields.size === 0) return 0
  const offset = fields.get(`offset:${sink}`)
  return offset === undefined ? Infinity : Number(offset) - Number(fields.get('acked') ?? 0)
}
