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
      doc: 'Folder of file:// references and $secret_file variables.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_FILE_BASEPATH',
    },
  },
  vault: {
    address: {
      doc: 'Vault server, with its scheme. With a token alone it is https://127.0.0.1:8200.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_VAULT_ADDRESS',
    },
    agent_address: {
      doc: 'Vault agent, with its scheme. Counts before the address.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_VAULT_AGENTADDRESS',
    },
    token: {
      doc: 'Vault token.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_VAULT_TOKEN',
      sensitive: true,
    },
    max_retries: {
      doc: 'Further attempts while Vault does not answer, or says that it cannot just now. 0: the default.',
      format: 'go-int',
      default: 2,
      defaultWhen: 'zero',
      range: [0, 100],
      env: 'TYK_GW_KV_VAULT_MAXRETRIES',
    },
    timeout: {
      doc: 'Time limit of one attempt. Below one millisecond: the default.',
      format: 'go-duration',
      default: 10_000,
      defaultWhen: { below: 1 },
      env: 'TYK_GW_KV_VAULT_TIMEOUT',
    },
    kv_version: {
      doc: "Version of Vault's key-value engine: 1 or 2.",
      format: 'go-int',
      default: 2,
      defaultWhen: 'zero',
      range: [0, 2],
      env: 'TYK_GW_KV_VAULT_KVVERSION',
    },
  },
  consul: {
    address: {
      doc: 'Consul server: host and port, or a URL whose scheme then counts.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_CONSUL_ADDRESS',
    },
    scheme: {
      doc: 'Scheme; http unless it says otherwise.',
      format: ['', 'http', 'https'],
      default: '',
      env: 'TYK_GW_KV_CONSUL_SCHEME',
    },
    datacenter: {
      doc: 'Consul data centre.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_CONSUL_DATACENTER',
    },
    http_auth: {
      username: {
        doc: 'User for Consul.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_HTTPAUTH_USERNAME',
      },
      password: {
        doc: 'Password for Consul.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_HTTPAUTH_PASSWORD',
        sensitive: true,
      },
    },
    token: {
      doc: 'Consul token.',
      format: 'string',
      default: '',
      env: 'TYK_GW_KV_CONSUL_TOKEN',
      sensitive: true,
    },
    wait_time: {
      doc: 'Time limit of one attempt. Below one millisecond: the default.',
      format: 'go-duration',
      default: 10_000,
      defaultWhen: { below: 1 },
      env: 'TYK_GW_KV_CONSUL_WAITTIME',
    },
    tls_config: {
      address: {
        doc: 'Server name for TLS.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_ADDRESS',
      },
      ca_file: {
        doc: 'PEM file of the authorities to trust.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_CAFILE',
      },
      ca_path: {
        doc: 'Folder of the authorities to trust.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_CAPATH',
      },
      cert_file: {
        doc: 'PEM file of the client certificate.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_CERTFILE',
      },
      key_file: {
        doc: 'PEM file of the client key.',
        format: 'string',
        default: '',
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_KEYFILE',
      },
      insecure_skip_verify: {
        doc: 'Accepts any server certificate.',
        format: 'go-bool',
        default: false,
        env: 'TYK_GW_KV_CONSUL_TLSCONFIG_INSECURESKIPVERIFY',
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
