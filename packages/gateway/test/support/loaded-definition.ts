import { decodeDefinition } from '../../src/api-definition/decode.ts'
import type { LoadedDefinition } from '../../src/api-definition/load.ts'

/** A keyless API as the loader hands it on, in a file of its own, under a listen path of its own unless told otherwise. */
export const loadedDefinition = (id: string, changes: Record<string, unknown> = {}): LoadedDefinition => ({
  file: `${id}.json`,
  checksum: `${id} ${JSON.stringify(changes)}`,
  definition: decodeDefinition({
    api_id: id,
    name: id,
    use_keyless: true,
    active: true,
    version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
    proxy: { listen_path: `/${id}/`, target_url: 'http://up.test' },
    ...changes,
  }),
})
