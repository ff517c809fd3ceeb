import { isAtLeast, type Server } from '../server.ts'
import type { Mark } from './mark.ts'
import { onEveryDay } from './patterns.ts'
import { indexTemplate, legacyTemplate, POLICY_SETTING, type Resource } from './resource.ts'

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
 * @param policy - Its name in settings, null where they name none; its mark, null where none is kept. A template that names one
 *   is for indices with a day only: any other would be deleted whole.
 */
export function flatTemplate(
  names: readonly string[],
  documentType: string,
  server: Server,
  policy: { readonly name: string | null; readonly mark: Mark | null } = { name: null, mark: null },
): Resource {
  const [name = ''] = names
  const type = server.typed ? documentType : null
  const settings = policy.name === null ? {} : { [POLICY_SETTING]: policy.name }
  const index_patterns = names.flatMap(policy.name === null ? flatPatterns : onEveryDay)
  if (isComposable(server)) {
    const definition = {
      index_patterns,
      // Servers take no two of one priority for one name: `a-2` is also a rollover's number of `a`, and goes before it.
      priority: PRIORITY + name.split('-').length - 1,
      template: { settings, mappings: FLAT_MAPPINGS },
    }
    return indexTemplate(name, definition, policy.mark)
  }
  // Before version 6 a template has one pattern.
  const patterns = isAtLeast(server, 6, 0) ? { index_patterns } : { template: `${name}*` }
  return legacyTemplate(name, { patterns, settings, mappings: FLAT_MAPPINGS, type, policy: policy.mark })
}

export const isComposable = (server: Server): boolean =>
  !server.typed && (server.distribution === 'opensearch' || isAtLeast(server, 7, 8))

/**
 * The name itself, one with a day or one with a number of a rollover. Not other people's indices whose names begin the same,
 * and not that of the dead letters, which version 6 could not make any more: an index has one type there, and they have one
 * of their own.
 */
export const flatPatterns = (name: string): string[] => [name, `${name}-0*`, `${name}-1*`, `${name}-2*`]
