import { nearest } from '../config/suggest.ts'
import { apiDefinitionShape, type Shape } from './schema.ts'

/** A key of a definition file that means nothing to the gateway and is close to one that does. */
export interface MisspeltKey {
  readonly path: string
  readonly meant: string
}

/**
 * Finds keys that look like slips of the pen.
 *
 * Unknown keys as such are normal: exports of Tyk's Dashboard carry many. One that is at most two letters away from a
 * known key (`allowed_ip`) has no effect where its author counts on it.
 *
 * @param json - The decoded JSON of a definition file.
 */
export function misspeltKeys(json: unknown): MisspeltKey[] {
  const found: MisspeltKey[] = []
  walk(apiDefinitionShape, json, '', found)
  return found
}

function walk(shape: Shape, value: unknown, path: string, found: MisspeltKey[]): void {
  if (value === null || typeof value !== 'object') return
  if (shape.kind === 'object') walkObject(shape.keys, value, path, found)
  else if (shape.kind === 'list' || shape.kind === 'map') {
    for (const [key, item] of Object.entries(value)) walk(shape.of, item, join(path, key), found)
  }
}

function walkObject(keys: { readonly [key: string]: Shape }, value: object, path: string, found: MisspeltKey[]): void {
  const given = new Set(Object.keys(value).map((key) => key.toLowerCase()))
  for (const [name, item] of Object.entries(value)) {
    const key = Object.keys(keys).find((known) => known.toLowerCase() === name.toLowerCase())
    if (key !== undefined) {
      walk(keys[key] as Shape, item, join(path, key), found)
      continue
    }
    const meant = nearest(name, Object.keys(keys))
    if (meant !== undefined && !given.has(meant.toLowerCase())) found.push({ path: join(path, name), meant })
  }
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)
