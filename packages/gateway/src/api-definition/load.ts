import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Log } from '../log/log.ts'
import { substituteReferences, type ReferenceSources } from './references.ts'
import { decodeDefinition } from './decode.ts'
import type { ApiDefinition } from './schema.ts'
import { misspeltKeys } from './unknown-keys.ts'

/** A definition as it came from disk. */
export interface LoadedDefinition {
  readonly file: string
  readonly definition: ApiDefinition
  readonly checksum: string
}

export interface LoadedDefinitions {
  /** In lexical order of file names. */
  readonly definitions: readonly LoadedDefinition[]
  /** Files that were there but could not be used, by path. */
  readonly failed: ReadonlySet<string>
}

/** The folder of definitions is not there: nothing can be said about any API, so none may be taken away. */
export class ApiFolderError extends Error {
  readonly code = 'GATEWAY_API_FOLDER'
}

/**
 * Reads every `*.json` directly in `app_path`.
 *
 * A file that cannot be read or decoded is logged and skipped; the others load.
 *
 * @param log - Gets one line per file and the number of APIs found.
 * @throws ApiFolderError when the folder cannot be read.
 */
export function loadDefinitions(appPath: string, sources: ReferenceSources, log: Log): LoadedDefinitions {
  const directory = appPath === '' ? '.' : appPath
  const definitions: LoadedDefinition[] = []
  const failed = new Set<string>()
  for (const name of definitionFiles(directory)) {
    const file = path.join(directory, name)
    log.info(`Loading API Specification from ${file}`)
    const loaded = loadFile(file, sources, log)
    if (loaded === null) failed.add(file)
    else definitions.push(loaded)
  }
  log.info({ prefix: 'main' }, `Detected ${definitions.length} APIs`)
  return { definitions, failed }
}

function definitionFiles(directory: string): string[] {
  try {
    const names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && entry.name.endsWith('.json'))
      .map((entry) => entry.name)
      .toSorted()
    return names.filter((name) => !isCompanion(directory, name))
  } catch (err) {
    throw new ApiFolderError(`reading the API definitions in ${directory}: ${(err as Error).message}`, { cause: err })
  }
}

/** `x-oas.json` beside `x.json` is the OpenAPI document of that API, not an API of its own. */
function isCompanion(directory: string, name: string): boolean {
  const base = /^(.*)-(oas|mcp)\.json$/.exec(name)?.[1]
  if (base === undefined || !existsSync(path.join(directory, `${base}.json`))) return false
  try {
    const json = JSON.parse(readFileSync(path.join(directory, name), 'utf8')) as Record<string, unknown>
    return [json['openapi'], json['swagger']].some((version) => typeof version === 'string' && version !== '')
  } catch {
    return false
  }
}

function loadFile(file: string, sources: ReferenceSources, log: Log): LoadedDefinition | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (err) {
    log.error({ err, file }, `Couldn't read api configuration file: ${(err as Error).message}`)
    return null
  }
  try {
    const json: unknown = JSON.parse(substituteReferences(text, sources))
    const definition = decodeDefinition(json)
    warnMisspelt(json, file, log)
    return { file, definition, checksum: createHash('sha256').update(JSON.stringify(definition)).digest('base64url') }
  } catch (err) {
    log.error({ file }, `Couldn't unmarshal read file: ${(err as Error).message}`)
    return null
  }
}

function warnMisspelt(json: unknown, file: string, log: Log): void {
  for (const { path: key, meant } of misspeltKeys(json)) {
    log.warn({ file }, `API definition key ${key} is unknown and has no effect. Did you mean ${meant}?`)
  }
}
