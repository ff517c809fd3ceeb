import { expected } from './formats.ts'
import type { JsonNode } from './json-document.ts'
import type { PlacedRow } from './section.ts'

const LONGEST_QUOTE = 80

/** `storage.port (TYK_GW_STORAGE_PORT)`, or the key alone when no variable sets it. */
export function placeOf({ key, row }: PlacedRow): string {
  return row.env === undefined ? key : `${key} (${row.env})`
}

export function textMismatch(placed: PlacedRow, text: string): string {
  const got = placed.row.sensitive ? hidden : quote(text)
  return `${placeOf(placed)}: expected ${expected(placed.row, 'text')}, got ${got}`
}

export function nodeMismatch(placed: PlacedRow, node: JsonNode): string {
  const got = placed.row.sensitive && node.kind !== 'object' && node.kind !== 'list' ? hidden : nameOf(node)
  return `${placeOf(placed)}: expected ${expected(placed.row, 'json')}, got ${got}`
}

const hidden = 'a value that is not shown'

/** What a node is, for messages. */
export function nameOf(node: JsonNode): string {
  switch (node.kind) {
    case 'null':
      return 'null'
    case 'boolean':
      return String(node.value)
    case 'number':
      return node.text
    case 'string':
      return quote(node.value)
    case 'list':
      return 'a list'
    case 'object':
      return 'an object'
  }
}

function quote(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text)
}
