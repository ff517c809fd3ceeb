/** The objects as they lie in the export file, opened up. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Reference } from '../../../scripts/kibana/saved-object.ts'

export interface StoredObject {
  readonly type: string
  readonly id: string
  readonly attributes: Record<string, unknown>
  readonly references: readonly Reference[]
  readonly migrationVersion?: Readonly<Record<string, string>>
  readonly coreMigrationVersion?: string
}

export interface ApiPayload {
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

export const packFolder = fileURLToPath(new URL('../../../deploy/kibana/', import.meta.url))

export function readLines(pack: string): string[] {
  return readFileSync(join(packFolder, pack, 'objects.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
}

export function readObjects(pack: string): StoredObject[] {
  return readLines(pack)
    .slice(0, -1)
    .map((line) => JSON.parse(line) as StoredObject)
}

export function readPayloads(pack: string, file: string): ApiPayload[] {
  return JSON.parse(readFileSync(join(packFolder, pack, file), 'utf8')) as ApiPayload[]
}

export interface IndexTemplate {
  readonly index_patterns: readonly string[]
  readonly template: Record<string, unknown>
}

export function readTemplate(pack: string): IndexTemplate {
  return JSON.parse(readFileSync(join(packFolder, pack, 'index-template.json'), 'utf8')) as IndexTemplate
}

/** Parses a member that is JSON text. */
export function inner(attributes: Readonly<Record<string, unknown>>, name: string): unknown {
  return JSON.parse(attributes[name] as string)
}

export interface LensColumn {
  readonly operationType: string
  readonly isBucketed: boolean
  readonly dataType: string
  readonly scale: string
  readonly label: string
  readonly sourceField?: string
  readonly filter?: { readonly query: string }
  readonly references?: readonly string[]
  readonly params?: Readonly<Record<string, unknown>>
}

export interface LensLayer {
  readonly columnOrder: readonly string[]
  readonly columns: Readonly<Record<string, LensColumn>>
}

export interface LensState {
  readonly datasourceStates: { readonly indexpattern: { readonly layers: Readonly<Record<string, LensLayer>> } }
  readonly visualization: Readonly<Record<string, unknown>>
  readonly query: { readonly query: string }
  readonly filters: readonly { meta: Record<string, unknown> }[]
}

export const lensState = (object: StoredObject): LensState => object.attributes['state'] as LensState

export interface VisState {
  readonly type: string
  readonly title: string
  readonly params: Readonly<Record<string, unknown>>
  readonly aggs: readonly {
    readonly id: string
    readonly type: string
    readonly schema: string
    readonly params: Readonly<Record<string, unknown>>
  }[]
}

export interface SearchSource {
  readonly query: { readonly query: string }
  readonly indexRefName?: string
}

export function searchSourceOf({ attributes }: StoredObject): SearchSource {
  return inner(attributes['kibanaSavedObjectMeta'] as Record<string, unknown>, 'searchSourceJSON') as SearchSource
}

export interface MapLayer {
  readonly type: string
  readonly sourceDescriptor: Readonly<Record<string, unknown>>
}
