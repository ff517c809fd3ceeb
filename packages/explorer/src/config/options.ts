import type { ConfigOf, ConfigSection } from './section.ts'

/** Every option of the explorer. */
export const explorerConfig = {
  listen_address: {
    doc: 'Where the page is served. Anything but an address of the loopback needs username and password, or token.',
    format: 'string',
    default: '127.0.0.1',
    env: 'TEK_EXPLORER_LISTENADDRESS',
  },
  listen_port: {
    doc: 'Its port; 0 takes a free one.',
    format: 'go-int',
    default: 8084,
    env: 'TEK_EXPLORER_LISTENPORT',
    range: [0, 65_535],
  },
  store: {
    doc: 'What is read: the file of the sql sink, or Elasticsearch or OpenSearch. Empty: the one that is set.',
    format: ['', 'sqlite', 'elasticsearch'],
    default: '',
    env: 'TEK_EXPLORER_STORE',
  },
  timeout: {
    doc: 'Seconds until the store has to have answered one question.',
    format: 'go-int',
    default: 30,
    env: 'TEK_EXPLORER_TIMEOUT',
    range: [1, 600],
  },
  username: {
    doc: 'Basic authentication for the page, with password.',
    format: 'string',
    default: '',
    env: 'TEK_EXPLORER_USERNAME',
  },
  password: {
    doc: 'Its password.',
    format: 'string',
    default: '',
    env: 'TEK_EXPLORER_PASSWORD',
    sensitive: true,
  },
  token: {
    doc: 'Bearer token, for scripts: letters, digits and signs of ASCII, without blanks. With username and password as well, either opens the page.',
    format: 'string',
    default: '',
    env: 'TEK_EXPLORER_TOKEN',
    sensitive: true,
  },
  allowed_hosts: {
    doc: 'Names, separated by commas, under which the page is asked for besides localhost and addresses of the loopback, as behind a proxy. A port in them does not matter. Empty on an address that is not of the loopback: any name is answered.',
    format: 'string',
    default: '',
    env: 'TEK_EXPLORER_ALLOWEDHOSTS',
  },
  gateway_url: {
    doc: 'Address of the gateway as users reach it, for the commands that the page shows and for sample traffic.',
    format: 'http-url',
    default: '',
    env: 'TEK_EXPLORER_GATEWAY_URL',
  },
  pump_url: {
    doc: "The pump's health check port, e.g. http://localhost:8083: its /ready and /metrics are what the view Pipeline shows.",
    format: 'http-url',
    default: '',
    env: 'TEK_EXPLORER_PUMP_URL',
  },
  redis_url: {
    doc: 'Redis between gateway and pump, for the lengths of lists and the ledger in the view Pipeline, and for reloads in the charts. Only read.',
    format: 'redis-url',
    default: '',
    env: 'TEK_EXPLORER_REDIS_URL',
    sensitive: true,
  },
  traffic: {
    doc: 'Lets the page start sample traffic against gateway_url, at most ten minutes at a time.',
    format: 'go-bool',
    default: false,
    env: 'TEK_EXPLORER_TRAFFIC',
  },
  traffic_token: {
    doc: 'Sent by a part of the sample traffic as Authorization to /httpbin-jwt/get.',
    format: 'string',
    default: '',
    env: 'TEK_EXPLORER_TRAFFIC_TOKEN',
    sensitive: true,
  },
  log_level: {
    doc: 'Least level of log lines, which go to stderr as JSON; debug has a line per request.',
    format: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    env: 'TEK_EXPLORER_LOGLEVEL',
  },
  sqlite: {
    file: {
      doc: "The file that the pump's sql sink writes (connection_string). It is opened for reading only.",
      format: 'string',
      default: '',
      env: 'TEK_EXPLORER_SQLITE_FILE',
    },
  },
  elasticsearch: {
    url: {
      doc: 'Address of Elasticsearch 7.10 or newer, or OpenSearch. May hold user and password, which the options below beat.',
      format: 'http-url-with-user',
      default: '',
      env: 'TEK_EXPLORER_ELASTICSEARCH_URL',
    },
    index: {
      doc: 'Index, data stream, alias or pattern of the documents; several are separated by commas.',
      format: 'string',
      default: 'tyk_analytics*',
      env: 'TEK_EXPLORER_ELASTICSEARCH_INDEX',
    },
    username: {
      doc: 'User with the privileges read and view_index_metadata on the index.',
      format: 'string',
      default: '',
      env: 'TEK_EXPLORER_ELASTICSEARCH_USERNAME',
    },
    password: {
      doc: 'Its password.',
      format: 'string',
      default: '',
      env: 'TEK_EXPLORER_ELASTICSEARCH_PASSWORD',
      sensitive: true,
    },
    api_key: {
      doc: 'API key in its encoded form, in place of user and password.',
      format: 'string',
      default: '',
      env: 'TEK_EXPLORER_ELASTICSEARCH_APIKEY',
      sensitive: true,
    },
    ca_file: {
      doc: "PEM file of the server's certificate authority.",
      format: 'string',
      default: '',
      env: 'TEK_EXPLORER_ELASTICSEARCH_CAFILE',
    },
  },
} as const satisfies ConfigSection

export type ExplorerOptions = ConfigOf<typeof explorerConfig>
