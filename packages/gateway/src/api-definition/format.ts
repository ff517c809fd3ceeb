import { apiDefinitionShape, type ApiDefinition, type Shape } from './schema.ts'

/** The JSON form of a definition as the control API shows and stores it: every key, empty lists and maps as null. */
export function formatDefinition(definition: ApiDefinition): unknown {
  return format(apiDefinitionShape, definition)
}

function format(shape: Shape, value: unknown): unknown {
  switch (shape.kind) {
    case 'duration':
      return formatDuration(value as number)
    case 'list': {
      const items = value as readonly unknown[]
      return items.length === 0 ? null : items.map((item) => format(shape.of, item))
    }
    case 'map': {
      const entries = Object.entries(value as object)
      return entries.length === 0
        ? null
        : Object.fromEntries(entries.map(([key, item]) => [key, format(shape.of, item)]))
    }
    case 'object': {
      const object = value as Record<string, unknown>
      return Object.fromEntries(Object.entries(shape.keys).map(([key, inner]) => [key, format(inner, object[key])]))
    }
    default:
      return value
  }
}

/** Go's text of a duration: `0s`, `1m30s`, `1.5s`, `500ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (Math.abs(ms) < 1000) return `${ms}ms`
  const sign = ms < 0 ? '-' : ''
  const seconds = Math.abs(ms) / 1000
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = Number((seconds % 60).toFixed(9))
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}s`
  return minutes > 0 ? `${sign}${minutes}m${rest}s` : `${sign}${rest}s`
}
