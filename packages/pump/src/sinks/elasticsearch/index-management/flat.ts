import { isAtLeast, type Server } from '../server.ts'
import { indexTemplate, legacyTemplate, type Resource } from './resource.ts'

const PRIORITY = 50

/**
 * What dynamic mapping would choose anyway, so that old and new indices fit together and every chart goes on working,
 * without its guess that a text is a date. Texts of up to 1024 characters can be counted, not only of 256.
 */
export const FLAT_MAPPINGS = {
  date_detection: false,
  dynamic_templates: [
    {
      strings: {
        match_mapping_type: 'string',
        mapping: { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 1024 } } },
      },
    },
  ],
  properties: {
    '@timestamp': { type: 'date' },
    response_code: { type: 'long' },
    request_time_ms: { type: 'long' },
    content_length: { type: 'long' },
  },
} as const

/**
 * The template for Tyk's document, in the form that the server knows.
 *
 * @param names - Of the indices, without the day.
 * @param documentType - For servers with mapping types.
 */
export function flatTemplate(names: readonly string[], documentType: string, server: Server): Resource {
  const [name = ''] = names
  const type = server.typed ? documentType : null
  if (isComposable(server)) {
    return indexTemplate(name, {
      index_patterns: names.flatMap(flatPatterns),
      // Servers take no two of one priority for one name: `a-2` is also a rollover's number of `a`, and goes before it.
      priority: PRIORITY + name.split('-').length - 1,
      template: { mappings: FLAT_MAPPINGS },
    })
  }
  // Before version 6 a template has one pattern.
  const patterns = isAtLeast(server, 6, 0) ? { index_patterns: names.flatMap(flatPatterns) } : { template: `${name}*` }
  return legacyTemplate(name, patterns, FLAT_MAPPINGS, type)
}

export const isComposable = (server: Server): boolean =>
  !server.typed && (server.distribution === 'opensearch' || isAtLeast(server, 7, 8))

/**
 * The name itself, one with a day or one with a number of a rollover. Not other people's indices whose names begin the same,
 * and not that of the dead letters, which version 6 could not make any more: an index has one type there, and they have one
 * of their own.
 */
export const flatPatterns = (name: string): string[] => [name, `${name}-0*`, `${name}-1*`, `${name}-2*`]
