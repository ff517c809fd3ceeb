import { readdirSync, readFileSync } from 'node:fs'
import { emptyRecord, RECORD_FIELDS, type AnalyticsRecord, type FieldKind, type Instant } from '../../src/record.ts'

export interface Vector {
  readonly name: string
  readonly title: string
  /** Whether a gateway writes exactly these bytes. */
  readonly written: boolean
  readonly bytes: Buffer
  readonly printed: Record<string, unknown>
  readonly record: AnalyticsRecord
}

const FOLDER = new URL('../vectors/', import.meta.url)

export function loadVectors(form: 'msgpack' | 'protobuf'): Vector[] {
  const folder = new URL(`${form}/`, FOLDER)
  return readdirSync(folder).map((file) => {
    const vector = parseExact(readFileSync(new URL(file, folder), 'utf8')) as VectorFile
    return {
      name: file.replace('.json', ''),
      title: vector.title,
      written: vector.written,
      bytes: Buffer.from(vector.bytes, 'hex'),
      printed: vector.printed,
      record: { ...recordOf(vector.printed), ...vector.unprinted },
    }
  })
}

export function loadVector(form: 'msgpack' | 'protobuf', name: string): Vector {
  const vector = loadVectors(form).find((candidate) => candidate.name === name)
  if (vector === undefined) throw new Error(`no ${form} vector ${name}`)
  return vector
}

interface VectorFile {
  title: string
  written: boolean
  bytes: string
  printed: Record<string, unknown>
  unprinted?: Partial<AnalyticsRecord>
}

/** JSON in which integers beyond 2^53 become bigints instead of being rounded. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    const source = context?.source
    if (typeof value !== 'number' || source === undefined || !/^-?\d+$/.test(source)) return value
    return Number.isSafeInteger(value) ? value : BigInt(source)
  })
}

function recordOf(printed: Record<string, unknown>): AnalyticsRecord {
  const record = emptyRecord() as unknown as Record<string, unknown>
  for (const { name, json, kind } of RECORD_FIELDS) {
    if (json === null) continue
    const value = printed[json]
    record[name] = kind === 'instant' ? instantOf(value as string) : (FROM_PRINTED[kind]?.(value as Printed) ?? value)
  }
  return record as unknown as AnalyticsRecord
}

function instantOf(printed: string): Instant {
  const [, whole, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(printed) ?? []
  return { seconds: Date.parse(`${whole}Z`) / 1000, nanos: Number(fraction.padEnd(9, '0')) }
}

/** A printed structure; which members it has is known, for it is data of these tests. */
interface Printed {
  readonly [name: string]: Printed
}

const FROM_PRINTED: Partial<Record<FieldKind, (printed: Printed) => unknown>> = {
  geo: ({ country, city, location }) => ({
    country: { isoCode: country?.iso_code },
    city: { geonameId: city?.geoname_id, names: city?.names },
    location: { latitude: location?.latitude, longitude: location?.longitude, timeZone: location?.time_zone },
  }),
  network: (network) => ({
    openConnections: network.open_connections,
    closedConnections: network.closed_connections,
    bytesIn: network.bytes_in,
    bytesOut: network.bytes_out,
  }),
  graphql: (stats) => ({
    variables: stats.Variables,
    rootFields: stats.RootFields,
    types: stats.Types,
    errors: stats.Errors,
    operationType: stats.OperationType,
    hasErrors: stats.HasErrors,
    isGraphql: stats.IsGraphQL,
  }),
  mcp: (stats) => ({
    isMcp: stats.is_mcp,
    jsonrpcMethod: stats.jsonrpc_method,
    primitiveType: stats.primitive_type,
    primitiveName: stats.primitive_name,
  }),
}
