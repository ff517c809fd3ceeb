import { decodeShape } from '../api-definition/decode.ts'
import type { ApiDefinition, Shape, ValueOf } from '../api-definition/schema.ts'
import type { Log } from '../log/log.ts'

const s = { kind: 'string' } as const

/** Options of the entries of `response_processors` that have an effect, by name. */
const OPTIONS = {
  header_injector: {
    kind: 'object',
    keys: { add_headers: { kind: 'map', of: s }, remove_headers: { kind: 'list', of: s } },
  },
  header_transform: {
    kind: 'object',
    keys: {
      rev_proxy_header_cleanup: { kind: 'object', keys: { headers: { kind: 'list', of: s }, target_host: s } },
    },
  },
} as const satisfies Record<string, Shape>

export type ProcessorName = keyof typeof OPTIONS

/**
 * The options of every entry with this name, in their order.
 *
 * @throws DefinitionError for options of another form.
 */
export function processorOptions<N extends ProcessorName>(
  definition: ApiDefinition,
  name: N,
): ValueOf<(typeof OPTIONS)[N]>[] {
  return definition.response_processors
    .filter((processor) => processor.name === name)
    .map(({ options }) =>
      decodeShape<(typeof OPTIONS)[N]>(OPTIONS[name], options, `response_processors.${name}.options`),
    )
}

/** Body transforms work without being declared, so their old entry is as harmless as a name nobody knows. */
export function reportUnknownProcessors(definition: ApiDefinition, log: Log): void {
  for (const { name } of definition.response_processors) {
    if (!Object.hasOwn(OPTIONS, name)) log.error({ api_id: definition.api_id }, `No such processor: ${name}`)
  }
}
