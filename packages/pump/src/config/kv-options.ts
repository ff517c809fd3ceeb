import type { ConfigSection } from './section.ts'

const cacheDoc = 'Part of the cache of remote stores. References are resolved once at start, so it has no effect.'

/** Stores that `kv://store/path#field` and `$kv{store:path#field}` refer to. */
export const kvOptions = {
  stores: {
    doc: 'Stores by name: type (inline, env or file), required, config. The variable is merged over the file by name.',
    format: 'json-merged',
    default: {},
    env: 'TYK_PMP_KV_STORES',
    sensitive: true,
  },
  cache: {
    enabled: { doc: cacheDoc, format: 'go-bool', default: false, env: 'TYK_PMP_KV_CACHE_ENABLED', pending: true },
    ttl: { doc: cacheDoc, format: 'string', default: '', env: 'TYK_PMP_KV_CACHE_TTL', pending: true },
    refresh_before_expiry: {
      doc: cacheDoc,
      format: 'string',
      default: '',
      env: 'TYK_PMP_KV_CACHE_REFRESHBEFOREEXPIRY',
      pending: true,
    },
    negative_ttl_not_found: {
      doc: cacheDoc,
      format: 'string',
      default: '',
      env: 'TYK_PMP_KV_CACHE_NEGATIVETTLNOTFOUND',
      pending: true,
    },
    negative_ttl_transient: {
      doc: cacheDoc,
      format: 'string',
      default: '',
      env: 'TYK_PMP_KV_CACHE_NEGATIVETTLTRANSIENT',
      pending: true,
    },
  },
} as const satisfies ConfigSection
