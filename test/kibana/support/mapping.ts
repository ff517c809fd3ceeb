/** What Elasticsearch has made of the documents, and whether a panel can work with that. */
import type { Engine } from '../../../packages/pump/test/support/engines.ts'
import type { FieldUse } from './requests.ts'

export type Mapping = ReadonlyMap<string, { type: string; aggregatable: boolean }>

export async function mappingOf(engine: Engine, index: string): Promise<Mapping> {
  const { body } = await engine.request('GET', `/${index}/_field_caps?fields=*`)
  const { fields } = body as { fields: Record<string, Record<string, { aggregatable: boolean }>> }
  return new Map(
    Object.entries(fields).map(([name, types]) => {
      const [[type, { aggregatable }]] = Object.entries(types) as [[string, { aggregatable: boolean }]]
      return [name, { type, aggregatable }]
    }),
  )
}

/** Why a field does not serve; nothing when it does. */
export function complaint({ field, use }: FieldUse, mapping: Mapping): string[] {
  const found = mapping.get(field)
  if (found === undefined) return [`${field} is not in the mapping`]
  if ((use === 'aggregate' || use === 'measure') && !found.aggregatable) return [`${field} cannot be aggregated`]
  // How many different ones can be counted of any kind.
  if (use === 'measure' && !['long', 'date', 'keyword', 'ip'].includes(found.type))
    return [`${field} is a ${found.type}`]
  if (use === 'geo' && found.type !== 'geo_point') return [`${field} is a ${found.type}`]
  return []
}
