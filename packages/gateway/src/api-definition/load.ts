import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Log } from '../log/log.ts'
import type { StoredPlace } from '../secrets/store.ts'
import { placesOfVariables } from '../secrets/variables.ts'
import { decodeDefinition, DefinitionError } from './decode.ts'
import {
  type DefinitionSources,
  placesOfReferences,
  placesOfRouting,
  resolveRouting,
  substituteReferences,
  type Unresolved,
} from './references.ts'
import type { ApiDefinition } from './schema.ts'
import { misspeltKeys } from './unknown-keys.ts'

/** A definition as it came from disk. */
export interface LoadedDefinition {
  readonly file: string
  readonly definition: ApiDefinition
  readonly checksum: string
  /** References to secrets stand in it that could not be resolved. */
  readonly lacksSecrets?: boolean
  /** What references in it stand for, the longest first: not to be shown. */
  readonly substituted?: readonly string[]
}

export interface LoadedDefinitions {
  /** In lexical order of file names. */
  readonly definitions: readonly LoadedDefinition[]
  /** Files that were there but could not be used, by path. */
  readonly failed: ReadonlySet<string>
}

export interface DefinitionsFromFiles extends LoadedDefinitions {
  /** Places in stores of secrets that the files refer to, apart from those of variables. */
  readonly places: readonly StoredPlace[]
}

/** The folder of definitions is not there: nothing can be said about any API, so none may be taken away. */
export class ApiFolderError extends Error {
  readonly code = 'GATEWAY_API_FOLDER'
}

/**
 * Reads every `*.json` directly in `app_path`, with the secrets that they refer to.
 *
 * A file that cannot be read or decoded is logged and skipped; the others load.
 *
 * @param log - Gets one line per file and the number of APIs found.
 * @throws ApiFolderError when the folder cannot be read.
 */
export async function loadDefinitions(
  appPath: string,
  sources: DefinitionSources,
  log: Log,
): Promise<DefinitionsFromFiles> {
  const directory = appPath === '' ? '.' : appPath
  const failed = new Set<string>()
  const files: { readonly file: string; readonly text: string }[] = []
  for (const name of definitionFiles(directory)) {
    const file = path.join(directory, name)
    log.info(`Loading API Specification from ${file}`)
    const text = readText(file, log)
    if (text === null) failed.add(file)
    else files.push({ file, text })
  }
  const ofReferences = files.flatMap(({ text }) => placesOfReferences(text))
  await sources.values?.load(ofReferences)
  const decoded: Decoded[] = []
  for (const { file, text } of files) {
    const one = decodeText(file, text, sources, log)
    if (one === null) failed.add(file)
    else decoded.push(one)
  }
  const ofRouting = decoded.flatMap(({ definition }) => placesOfRouting(definition))
  await sources.values?.load([...ofRouting, ...decoded.flatMap(({ definition }) => placesOfVariables(definition))])
  const definitions = decoded.map((one) => finish(one, sources, log))
  log.info({ prefix: 'main' }, `Detected ${definitions.length} APIs`)
  return { definitions, failed, places: [...ofReferences, ...ofRouting] }
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

function readText(file: string, log: Log): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    log.error({ err, file }, `Couldn't read api configuration file: ${(err as Error).message}`)
    return null
  }
}

interface Decoded {
  readonly file: string
  readonly definition: ApiDefinition
  readonly unresolved: Unresolved
  /** What references stand for. */
  readonly values: readonly string[]
}

function decodeText(file: string, text: string, sources: DefinitionSources, log: Log): Decoded | null {
  try {
    const substituted = substituteReferences(text, sources)
    const json = parseJson(text, substituted.text)
    const definition = text === substituted.text ? decodeDefinition(json) : decodeQuietly(json)
    warnMisspelt(json, file, log)
    return { file, definition, unresolved: substituted.unresolved, values: substituted.values }
  } catch (err) {
    log.error({ file }, `Couldn't unmarshal read file: ${(err as Error).message}`)
    return null
  }
}

/** The parser's message quotes what it read: where secrets were put in, it must not be seen. */
function parseJson(original: string, substituted: string): unknown {
  if (original === substituted) return JSON.parse(original) as unknown
  try {
    return JSON.parse(substituted) as unknown
  } catch {
    throw new SyntaxError('not valid JSON once its references are replaced')
  }
}

/** The message says what came: the value of a reference must not be seen. */
function decodeQuietly(json: unknown): ApiDefinition {
  try {
    return decodeDefinition(json)
  } catch (err) {
    if (!(err instanceof DefinitionError)) throw err
    throw new DefinitionError(err.message.replace(/, got .*$/s, ', got something else'))
  }
}

/** Anything shorter would be found all over a message. */
const SHORTEST_HIDDEN = 4

function finish(one: Decoded, sources: DefinitionSources, log: Log): LoadedDefinition {
  const { file, definition, unresolved } = one
  const values = [...one.values]
  const resolved = resolveRouting(definition, sources, unresolved, values)
  const substituted = [...new Set(values)]
    .filter((value) => value.length >= SHORTEST_HIDDEN)
    .toSorted((a, b) => b.length - a.length)
  for (const [reference, { reason }] of unresolved) {
    log.error({ file, reference, reason }, 'Reference in an API definition leads to nothing and stays as it is')
  }
  return {
    file,
    definition: resolved,
    checksum: createHash('sha256').update(JSON.stringify(resolved)).digest('base64url'),
    ...(unresolved.size > 0 ? { lacksSecrets: true } : {}),
    ...(substituted.length > 0 ? { substituted } : {}),
  }
}

function warnMisspelt(json: unknown, file: string, log: Log): void {
  for (const { path: key, meant } of misspeltKeys(json)) {
    log.warn({ file }, `API definition key ${key} is unknown and has no effect. Did you mean ${meant}?`)
  }
}
