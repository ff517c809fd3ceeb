import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const listener = {
  listen_address: {
    doc: 'Address to listen on; empty means every interface.',
    format: 'string',
    default: '',
    env: 'TYK_GW_LISTENADDRESS',
  },
  listen_port: {
    doc: 'Port for the APIs, and for the control API too unless it has its own.',
    format: 'go-int',
    default: 0,
    generated: 8080,
    range: [0, 65_535],
    env: 'TYK_GW_LISTENPORT',
  },
  secret: {
    doc: 'What callers of the control API send in X-Tyk-Authorization.',
    format: 'string',
    default: '',
    generated: '352d20ee67be67f6340b4c0605b044b7',
    env: 'TYK_GW_SECRET',
    sensitive: true,
    reference: true,
  },
  node_secret: {
    doc: 'Signs the notifications between gateways on one Redis; the same on all of them.',
    format: 'string',
    default: '',
    env: 'TYK_GW_NODESECRET',
    sensitive: true,
    reference: true,
  },
  hostname: {
    doc: 'Limits every API without a domain of its own to this host name; the port in Host does not matter.',
    format: 'string',
    default: '',
    env: 'TYK_GW_HOSTNAME',
  },
  enable_custom_domains: {
    doc: 'Honours the domain of API definitions.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLECUSTOMDOMAINS',
  },
  control_api_port: {
    doc: 'Moves the control API and the health endpoints to this port; 0 leaves them on the main one.',
    format: 'go-int',
    default: 0,
    range: [0, 65_535],
    env: 'TYK_GW_CONTROLAPIPORT',
  },
  control_api_hostname: {
    doc: 'With security.control_api_use_mutual_tls, health endpoints need a certificate too under this name; no other limit.',
    format: 'string',
    default: '',
    env: 'TYK_GW_CONTROLAPIHOSTNAME',
  },
  close_connections: {
    doc: 'Closes each client connection after its answer.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_CLOSECONNECTIONS',
  },
  hide_generator_header: {
    doc: 'Leaves X-Generator out of error answers and the mascot out of health answers.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_HIDEGENERATORHEADER',
  },
  version_header: {
    doc: 'Answer header that names the API version when it was chosen by default.',
    format: 'string',
    default: '',
    env: 'TYK_GW_VERSIONHEADER',
  },
  ignore_endpoint_case: {
    doc: 'Matches endpoint paths in any letter case.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_IGNOREENDPOINTCASE',
  },
  ignore_canonical_mime_header_key: {
    doc: 'Sends injected header names as they are written in the API definition.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_IGNORECANONICALMIMEHEADERKEY',
  },
  ports_whitelist: {
    doc: 'Ports that APIs with a port of their own may open, by protocol.',
    format: 'json-merged',
    default: {},
    env: 'TYK_GW_PORTWHITELIST',
  },
  disable_ports_whitelist: {
    doc: 'Lets APIs open any port.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DISABLEPORTWHITELIST',
  },
} as const satisfies ConfigSection
