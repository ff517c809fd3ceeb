import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const keys = {
  hash_keys: {
    doc: 'Stores and records keys as hashes.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_HASHKEYS',
  },
  hash_key_function: {
    doc: 'Hash for keys: murmur32, murmur64, murmur128 or sha256; empty means the older key form.',
    format: 'string',
    default: '',
    env: 'TYK_GW_HASHKEYFUNCTION',
  },
  hash_key_function_fallback: {
    doc: 'Earlier hash functions under which a key is looked up as well.',
    format: 'string-list',
    default: [],
    env: 'TYK_GW_HASHKEYFUNCTIONFALLBACK',
  },
  basic_auth_hash_key_function: {
    doc: 'Hash for new basic auth passwords: bcrypt, murmur32, murmur64, murmur128 or sha256; any other name means bcrypt.',
    format: 'string',
    default: 'bcrypt',
    defaultWhen: 'zero',
    env: 'TYK_GW_BASICAUTHHASHKEYFUNCTION',
  },
  enable_hashed_keys_listing: {
    doc: 'Lets the control API list hashed keys.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLEHASHEDKEYSLISTING',
  },
  disable_key_actions_by_username: {
    doc: 'Stops the control API from finding keys by user name.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DISABLEKEYACTIONSBYUSERNAME',
  },
  min_token_length: {
    doc: 'Shorter keys are rejected.',
    format: 'go-int',
    default: 3,
    defaultWhen: 'zero',
    env: 'TYK_GW_MINTOKENLENGTH',
  },
  allow_master_keys: {
    doc: 'Accepts keys without access rights, which open every API.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ALLOWMASTERKEYS',
  },
  global_session_lifetime: {
    doc: 'Seconds every stored session lives when the next key is on.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_GLOBALSESSIONLIFETIME',
  },
  force_global_session_lifetime: {
    doc: 'Applies global_session_lifetime to every session.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_FORCEGLOBALSESSIONLIFETIME',
  },
  session_lifetime_respects_key_expiration: {
    doc: 'Keeps a session at least until its key expires.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_SESSIONLIFETIMERESPECTSKEYEXPIRATION',
  },
  enable_key_logging: {
    doc: 'Shows whole keys in logs instead of their last four characters.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLEKEYLOGGING',
  },
  suppress_default_org_store: {
    doc: 'Refuses control API requests for sessions of organisations that no loaded API belongs to.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_SUPRESSDEFAULTORGSTORE',
  },
} as const satisfies ConfigSection

/** `local_session_cache` of the configuration file. */
export const localSessionCache = {
  disable_cached_session_state: {
    doc: 'Reads sessions from Redis on every request instead of keeping them for 10 s.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_LOCALSESSIONCACHE_DISABLECACHESESSIONSTATE',
  },
  cached_session_timeout: {
    doc: 'Has no effect, as in Tyk.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_LOCALSESSIONCACHE_CACHEDSESSIONTIMEOUT',
  },
  cached_session_eviction: {
    doc: 'Has no effect, as in Tyk.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_LOCALSESSIONCACHE_CACHESESSIONEVICTION',
  },
} as const satisfies ConfigSection
