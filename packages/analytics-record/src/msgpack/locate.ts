// Hot path.
import { RECORD_FIELDS, type FieldKind } from '../record.ts'
import { ABSENT, PLACES, type RecordBlock } from './block.ts'
import {
  CITY_KEYS,
  COUNTRY_KEYS,
  GEO_KEYS,
  LATENCY_KEYS,
  LOCATION_KEYS,
  NETWORK_KEYS,
  ZERO_GEO,
  ZERO_GRAPHQL,
  ZERO_MCP,
  ZERO_NETWORK,
} from './layout.ts'
import { type ByteRun, byteRun, key, raw } from './runs.ts'

/** What stands in place of an end when something unusual was met. */
const UNUSUAL = -1

const KEYS = RECORD_FIELDS.map((row) => byteRun(key(row.wire)))

/** Numbers: a switch on texts costs half as much as all the rest. */
const [TEXT, INT, BOOLEAN, INSTANT, TEXTS, GEO, NETWORK, LATENCY, GRAPHQL, MCP] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
const NUMBERS: Readonly<Record<FieldKind, number>> = {
  string: TEXT,
  int: INT,
  int64: INT,
  boolean: BOOLEAN,
  instant: INSTANT,
  strings: TEXTS,
  geo: GEO,
  network: NETWORK,
  latency: LATENCY,
  graphql: GRAPHQL,
  mcp: MCP,
}
const KINDS = Uint8Array.from(RECORD_FIELDS, (row) => NUMBERS[row.kind])

const NO_GEO = byteRun(ZERO_GEO)
const NO_NETWORK = byteRun(ZERO_NETWORK)
const NO_GRAPHQL = byteRun(ZERO_GRAPHQL)
const NO_MCP = byteRun(ZERO_MCP)

/** The keys of a structure, the first one after the headers of the maps around it. */
const memberRuns = (keys: readonly string[], ...before: readonly Buffer[]): ByteRun[] =>
  keys.map((name, i) => (i > 0 ? byteRun(key(name)) : byteRun(...before, raw(0x80 | keys.length), key(name))))

const NETWORK_RUNS = memberRuns(NETWORK_KEYS)
const LATENCY_RUNS = memberRuns(LATENCY_KEYS)
const COUNTRY = memberRuns(COUNTRY_KEYS, raw(0x80 | GEO_KEYS.length), key(GEO_KEYS[0]))
const CITY = memberRuns(CITY_KEYS, key(GEO_KEYS[1]))
const LOCATION = memberRuns(LOCATION_KEYS, key(GEO_KEYS[2]))

/**
 * Finds where the values of a record stand, without making any of them, when the record has the form in which gateways
 * write: a map of known fields in the order of the table, some of which may be missing, with texts, integers of up to 32
 * bits and structures as they come in a record of an HTTP API.
 *
 * 0.3 of what decodeRecord takes (bench/json-copier.bench.ts).
 *
 * @returns false for every other form, which only `decodeRecord` can tell from damage. It takes all that this one takes.
 */
export function locateFields(block: RecordBlock, index: number): boolean {
  const { bytes, view, places } = block
  const first = index * PLACES
  const end = block.starts[index + 1]!
  let at = block.starts[index]!
  const code = bytes[at]!
  let count = code & 0x0f
  if (code === 0xde) {
    count = view.getUint16(at + 1)
    at += 3
  } else if ((code & 0xf0) === 0x80) at += 1
  else return false
  if (at > end) return false
  if (count < PLACES) places.fill(ABSENT, first, first + PLACES)
  // Nearly always the next key is the expected one, else it is one of those after it.
  for (let field = 0; count > 0 && field < PLACES; field++) {
    const run = KEYS[field]!
    if (!stands(run, view, at, end)) continue
    count -= 1
    at += run.length
    places[first + field] = at
    const kind = KINDS[field]!
    at =
      kind === TEXT
        ? textEnd(bytes, view, at)
        : kind === INT
          ? intEnd(bytes[at]!, at)
          : otherEnd(bytes, view, at, end, kind)
    if (at === UNUSUAL || at > end) return false
  }
  return count === 0
}

function stands({ words, length, lastMask }: ByteRun, view: DataView, at: number, end: number): boolean {
  if (at + length > end) return false
  const last = words.length - 1
  for (let i = 0; i < last; i++, at += 4) if (view.getInt32(at) !== words[i]) return false
  return (view.getInt32(at) & lastMask) === words[last]
}

/** Where a value ends that is no text and no integer. Reads at most 16 bytes past the end of the record. */
function otherEnd(bytes: Buffer, view: DataView, at: number, end: number, kind: number): number {
  switch (kind) {
    case BOOLEAN:
      return (bytes[at]! & 0xfe) === 0xc2 ? at + 1 : UNUSUAL
    case INSTANT:
      return instantEnd(bytes, view, at)
    case TEXTS:
      return textsEnd(bytes, view, at, end)
    case GEO:
      return stands(NO_GEO, view, at, end) ? at + NO_GEO.length : geoEnd(bytes, view, at, end)
    case NETWORK:
      return stands(NO_NETWORK, view, at, end) ? at + NO_NETWORK.length : intsEnd(NETWORK_RUNS, bytes, view, at, end)
    case LATENCY:
      return intsEnd(LATENCY_RUNS, bytes, view, at, end)
    case GRAPHQL:
      return stands(NO_GRAPHQL, view, at, end) ? at + NO_GRAPHQL.length : UNUSUAL
    default:
      return stands(NO_MCP, view, at, end) ? at + NO_MCP.length : UNUSUAL
  }
}

function textEnd(bytes: Buffer, view: DataView, at: number): number {
  const code = bytes[at]!
  if ((code & 0xe0) === 0xa0) return at + 1 + (code & 0x1f)
  if (code === 0xd9) return at + 2 + bytes[at + 1]!
  if (code === 0xda) return at + 3 + view.getUint16(at + 1)
  if (code === 0xdb) return at + 5 + view.getUint32(at + 1)
  return UNUSUAL
}

/** Of an integer of up to 32 bits. */
function intEnd(code: number, at: number): number {
  if (code < 0x80 || code >= 0xe0) return at + 1
  if ((code >= 0xcc && code <= 0xce) || (code >= 0xd0 && code <= 0xd2)) return at + 1 + (1 << (code & 3))
  return UNUSUAL
}

function instantEnd(bytes: Buffer, view: DataView, at: number): number {
  if (bytes[at] !== 0x92) return UNUSUAL
  const seconds = bytes[at + 1]!
  const nanos = secondsEnd(view, seconds, at + 1)
  if (nanos === UNUSUAL) return UNUSUAL
  const code = bytes[nanos]!
  // More nanoseconds than a second has are carried, which is left to the decoder.
  if (code === 0xce) return view.getUint32(nanos + 1) < 1e9 ? nanos + 5 : UNUSUAL
  return code < 0x80 || code === 0xcc || code === 0xcd ? intEnd(code, nanos) : UNUSUAL
}

/** 64 bits hold times before 1970 and from 2106 on; all but the farthest of them can be told exactly. */
function secondsEnd(view: DataView, code: number, at: number): number {
  if (code !== 0xcf && code !== 0xd3) return intEnd(code, at)
  const high = view.getInt32(at + 1)
  return high >= -0x100000 && high < 0x100000 ? at + 9 : UNUSUAL
}

function textsEnd(bytes: Buffer, view: DataView, at: number, end: number): number {
  const code = bytes[at]!
  if (code === 0xc0) return at + 1
  let count = code & 0x0f
  if (code === 0xdc) {
    count = view.getUint16(at + 1)
    at += 3
  } else if ((code & 0xf0) === 0x90) at += 1
  else return UNUSUAL
  for (; count > 0; count--) {
    at = textEnd(bytes, view, at)
    if (at === UNUSUAL || at > end) return UNUSUAL
  }
  return at
}

function intsEnd(keys: readonly ByteRun[], bytes: Buffer, view: DataView, at: number, end: number): number {
  for (let i = 0; i < keys.length; i++) {
    if (!stands(keys[i]!, view, at, end)) return UNUSUAL
    at += keys[i]!.length
    at = intEnd(bytes[at]!, at)
    if (at === UNUSUAL || at > end) return UNUSUAL
  }
  return at
}

/** Where a client was, as a gateway with a geo database says it. */
function geoEnd(bytes: Buffer, view: DataView, at: number, end: number): number {
  at = textMemberEnd(COUNTRY[0]!, bytes, view, at, end)
  if (at === UNUSUAL || !stands(CITY[0]!, view, at, end)) return UNUSUAL
  at += CITY[0]!.length
  const id = bytes[at]!
  if (id >= 0x80 && (id < 0xcc || id > 0xce)) return UNUSUAL
  at = intEnd(id, at)
  if (!stands(CITY[1]!, view, at, end)) return UNUSUAL
  at = namesEnd(bytes, view, at + CITY[1]!.length, end)
  for (let i = 0; i < 2; i++) {
    if (at === UNUSUAL || !stands(LOCATION[i]!, view, at, end)) return UNUSUAL
    at += LOCATION[i]!.length
    at = bytes[at] === 0xcb ? at + 9 : UNUSUAL
  }
  return at === UNUSUAL ? UNUSUAL : textMemberEnd(LOCATION[2]!, bytes, view, at, end)
}

function textMemberEnd(name: ByteRun, bytes: Buffer, view: DataView, at: number, end: number): number {
  if (!stands(name, view, at, end)) return UNUSUAL
  at = textEnd(bytes, view, at + name.length)
  return at > end ? UNUSUAL : at
}

/** A city's name in several languages, or nil. */
function namesEnd(bytes: Buffer, view: DataView, at: number, end: number): number {
  const code = bytes[at]!
  if (code === 0xc0) return at + 1
  if ((code & 0xf0) !== 0x80) return UNUSUAL
  at += 1
  for (let texts = (code & 0x0f) * 2; texts > 0; texts--) {
    at = textEnd(bytes, view, at)
    if (at === UNUSUAL || at > end) return UNUSUAL
  }
  return at
}
