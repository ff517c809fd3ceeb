import type { Problem } from './config-error.ts'
import { fromNode } from './formats.ts'
import { type JsonNode, JsonSyntaxError, parseFirstJson } from './json-document.ts'
import { nameOf, nodeMismatch } from './mismatch.ts'
import { isOldKey } from './old-keys.ts'
import { type ConfigRow, type ConfigSection, isRow } from './section.ts'

/** What a configuration file says. */
export interface FileValues {
  /** Typed values by key path, only of the keys that are there. */
  readonly values: ReadonlyMap<string, unknown>
  readonly problems: readonly Problem[]
  /** Paths of the keys that no section declares. */
  readonly unknownKeys: readonly string[]
}

/**
 * Decodes the text of a configuration file with the rules of Go's JSON decoder.
 *
 * Names match in any letter case, null leaves a key unset, of repeated names the last wins, a wrong type is a problem,
 * and what follows the first value is ignored.
 */
export function decodeFile(text: string, schema: ConfigSection): FileValues {
  const found = { values: new Map<string, unknown>(), problems: [] as Problem[], unknownKeys: [] as string[] }
  const root = parseRoot(text, found.problems)
  if (root === undefined || root.kind === 'null') return found
  if (root.kind !== 'object') {
    found.problems.push({ source: 'file', text: `expected an object, got ${nameOf(root)}` })
    return found
  }
  decodeSection(schema, root.members, '', found)
  return found
}

interface Found {
  readonly values: Map<string, unknown>
  readonly problems: Problem[]
  readonly unknownKeys: string[]
}

function parseRoot(text: string, problems: Problem[]): JsonNode | undefined {
  try {
    return parseFirstJson(text)
  } catch (err) {
    if (!(err instanceof JsonSyntaxError)) throw err
    problems.push({ source: 'file', text: `not valid JSON: ${err.message}` })
    return undefined
  }
}

function decodeSection(
  section: ConfigSection,
  members: readonly (readonly [string, JsonNode])[],
  prefix: string,
  found: Found,
): void {
  for (const [written, node] of members) {
    const name = written.toLowerCase()
    const child = Object.hasOwn(section, name) ? section[name] : undefined
    if (child === undefined || (isRow(child) && child.envOnly)) {
      if (!isOldKey(prefix + written)) found.unknownKeys.push(prefix + written)
    } else if (node.kind !== 'null') {
      decodeMember(child, node, prefix + name, found)
    }
  }
}

function decodeMember(child: ConfigRow | ConfigSection, node: JsonNode, key: string, found: Found): void {
  if (isRow(child)) {
    const value = fromNode(child, node)
    if (value === undefined) found.problems.push({ source: 'file', text: nodeMismatch({ key, row: child }, node) })
    else found.values.set(key, value)
  } else if (node.kind === 'object') {
    decodeSection(child, node.members, `${key}.`, found)
  } else {
    found.problems.push({ source: 'file', text: `${key}: expected an object, got ${nameOf(node)}` })
  }
}
