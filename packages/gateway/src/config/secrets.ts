import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const secretOptions = {
  secrets: {
    doc: 'Values for secrets:// references and $secret_conf variables.',
    format: 'string-map',
    default: {},
    env: 'TYK_GW_SECRETS',
    sensitive: true,
  },
} as const satisfies ConfigSection

/** `kv` of the configuration file. */
export const kv = {
  file: {
    base_path: {
      doc: 'Folder of file:// references.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_FILE_BASEPATH',
    },
  },
  vault: {
    address: {
      doc: 'Vault server.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_VAULT_ADDRESS',
      pending: true,
    },
    agent_address: {
      doc: 'Vault agent.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_VAULT_AGENTADDRESS',
      pending: true,
    },
    token: {
      doc: 'Vault token.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_VAULT_TOKEN',
      sensitive: true,
      pending: true,
    },
    max_retries: {
      doc: 'Attempts per Vault request.',
      format: 'go-int',
      default: 0,
      env: 'TYK_GW_KV_VAULT_MAXRETRIES',
      pending: true,
    },
    timeout: {
      doc: 'Time limit of a Vault request; nanoseconds in the file.',
      format: 'go-duration',
      default: 0,
      env: 'TYK_GW_KV_VAULT_TIMEOUT',
      pending: true,
    },
    kv_version: {
      doc: "Version of Vault's key-value engine.",
      format: 'go-int',
      default: 0,
      env: 'TYK_GW_KV_VAULT_KVVERSION',
      pending: true,
    },
  },
  consul: {
    address: {
      doc: 'Consul server.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_CONSUL_ADDRESS',
      pending: true,
    },
    scheme: {
      doc: 'Scheme: http or https.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_CONSUL_SCHEME',
      pending: true,
    },
    datacenter: {
      doc: 'Consul data centre.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_CONSUL_DATACENTER',
      pending: true,
    },
    http_auth: {
      username: {
        doc: 'User for Consul.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_HTTPAUTH_USERNAME',
        pending: true,
      },
      password: {
        doc: 'Password for Consul.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_HTTPAUTH_PASSWORD',
        sensitive: true,
        pending: true,
      },
    },
    token: {
      doc: 'Consul token.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_CONSUL_TOKEN',
      sensitive: true,
      pending: true,
    },
    wait_time: {
      doc: 'Time limit of a Consul query; nanoseconds in the file.',
      format: 'go-duration',
      default: 0,
      env: 'TYK_GW_KV_CONSUL_WAITTIME',
      pending: true,
    },
    tls_config: {
      address: {
        doc: 'Server name for TLS.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_ADDRESS',
        pending: true,
      },
      ca_file: {
        doc: 'PEM file of the authorities to trust.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_CAFILE',
        pending: true,
      },
      ca_path: {
        doc: 'Folder of the authorities to trust.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_CAPATH',
        pending: true,
      },
      cert_file: {
        doc: 'PEM file of the client certificate.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_CERTFILE',
        pending: true,
      },
      key_file: {
        doc: 'PEM file of the client key.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_KEYFILE',
        pending: true,
      },
      insecure_skip_verify: {
        doc: 'Accepts any server certificate.',
        format: 'go-bool',
        default: false,
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_INSECURESKIPVERIFY',
        pending: true,
      },
    },
  },
  stores: {
    doc: 'Further stores of secrets, by name.',
    format: 'json-merged',
    default: {},
    env: 'TYK_GW_KV_STORES',
    sensitive: true,
    pending: true,
  },
} as const satisfies ConfigSection
