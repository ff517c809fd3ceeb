import { parseDurationMs } from '../config/duration.ts'
import { apiDefinitionShape, type ApiDefinition, type Shape, type ValueOf } from './schema.ts'

/** A definition file does not have the form Go's JSON decoder would accept. */
export class DefinitionError extends Error {
  readonly code = 'GATEWAY_API_DEFINITION'
}

/**
 * Decodes an API definition with Go's JSON rules.
 *
 * Keys match in any letter case, unknown ones are ignored, null is the zero value, and a wrong type anywhere refuses
 * the whole definition. Durations become milliseconds.
 *
 * @throws DefinitionError naming the key, what was expected and what came.
 */
export function decodeDefinition(json: unknown): ApiDefinition {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new DefinitionError(`expected an object, got ${describe(json)}`)
  }
  const definition = decode(apiDefinitionShape, json, '') as ApiDefinition
  if (definition.id !== '' && !/^[0-9a-fA-F]{24}$/.test(definition.id)) {
    throw new DefinitionError('id: expected 24 hexadecimal characters or nothing')
  }
  return definition
}

/**
 * Decodes a part of a definition whose form its place alone does not tell, such as the options of a processor.
 *
 * @param path - What the part is called in error messages.
 * @throws DefinitionError as `decodeDefinition`.
 */
export function decodeShape<const S extends Shape>(shape: S, value: unknown, path: string): ValueOf<S> {
  return decode(shape, value, path) as ValueOf<S>
}

function decode(shape: Shape, value: unknown, path: string): unknown {
  if (value === null || value === undefined) {
    if (shape.kind === 'duration' && value === null) throw mismatch(path, 'a duration such as "1m30s"', value)
    return zero(shape)
  }
  switch (shape.kind) {
    case 'any':
      return value
    case 'string':
      if (typeof value !== 'string') throw mismatch(path, 'a string', value)
      return value
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(path, 'true or false', value)
      return value
    case 'integer':
      if (typeof value !== 'number' || !Number.isInteger(value)) throw mismatch(path, 'an integer', value)
      return value
    case 'unsigned':
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
        throw mismatch(path, 'an integer of 0 or more', value)
      return value
    case 'number':
      if (typeof value !== 'number') throw mismatch(path, 'a number', value)
      return value
    case 'duration':
      if (typeof value !== 'string') throw mismatch(path, 'a duration such as "1m30s"', value)
      return parseDurationMs(value) ?? 0
    case 'list':
      if (!Array.isArray(value)) throw mismatch(path, 'a list', value)
      return value.map((item, i) => decode(shape.of, item, `${path}[${i}]`))
    case 'map':
      if (typeof value !== 'object' || Array.isArray(value)) throw mismatch(path, 'an object', value)
      return decodeMap(shape.of, value, path)
    case 'object':
      if (typeof value !== 'object' || Array.isArray(value)) throw mismatch(path, 'an object', value)
      return decodeObject(shape, value, path)
  }
}

function decodeMap(of: Shape, value: object, path: string): Record<string, unknown> {
  const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [key, item] of Object.entries(value)) map[key] = decode(of, item, join(path, key))
  return map
}

const foldedKeys = new WeakMap<object, ReadonlyMap<string, string>>()

function foldedKeysOf(keys: { readonly [key: string]: Shape }): ReadonlyMap<string, string> {
  let folded = foldedKeys.get(keys)
  if (folded === undefined) {
    folded = new Map(Object.keys(keys).map((key) => [key.toLowerCase(), key]))
    foldedKeys.set(keys, folded)
  }
  return folded
}

function decodeObject(shape: ObjectShape, value: object, path: string): Record<string, unknown> {
  const { keys } = shape
  const object: Record<string, unknown> = { ...zeroObject(shape) }
  const folded = foldedKeysOf(keys)
  for (const [given, item] of Object.entries(value)) {
    const key = Object.hasOwn(keys, given) ? given : folded.get(given.toLowerCase())
    if (key !== undefined) object[key] = decode(keys[key] as Shape, item, join(path, key))
  }
  return object
}

type ObjectShape = Extract<Shape, { kind: 'object' }>

/** Most of a definition is left out, and all definitions share what stands in its place. */
function zero(shape: Shape): unknown {
  switch (shape.kind) {
    case 'any':
      return null
    case 'string':
      return ''
    case 'boolean':
      return false
    case 'list':
      return NO_ITEMS
    case 'map':
      return NO_ENTRIES
    case 'object':
      return zeroObject(shape)
    case 'integer':
    case 'unsigned':
    case 'number':
    case 'duration':
      return 0
  }
}

const NO_ITEMS = Object.freeze([])
const NO_ENTRIES: unknown = Object.freeze(Object.create(null))
const zeroObjects = new WeakMap<ObjectShape, Readonly<Record<string, unknown>>>()

function zeroObject(shape: ObjectShape): Readonly<Record<string, unknown>> {
  let known = zeroObjects.get(shape)
  if (known === undefined) {
    known = Object.freeze(Object.fromEntries(Object.entries(shape.keys).map(([key, inner]) => [key, zero(inner)])))
    zeroObjects.set(shape, known)
  }
  return known
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)

function mismatch(path: string, expected: string, value: unknown): DefinitionError {
  return new DefinitionError(`${path}: expected ${expected}, got ${describe(value)}`)
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string' ? `the string ${JSON.stringify(value).slice(0, 60)}` : JSON.stringify(value)
}
