import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const plugins = {
  enable_jsvm: {
    doc: 'Runs JavaScript plugins.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLEJSVM',
    pending: true,
  },
  jsvm_timeout: {
    doc: 'Seconds a JavaScript plugin may run.',
    format: 'go-int',
    default: 5,
    defaultWhen: 'zero',
    env: 'TYK_GW_JSVMTIMEOUT',
    pending: true,
  },
  disable_virtual_path_blobs: {
    doc: 'Ignores virtual endpoints written inside API definitions.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DISABLEVIRTUALPATHBLOBS',
    pending: true,
  },
  enable_bundle_downloader: {
    doc: 'Fetches plugin bundles.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLEBUNDLEDOWNLOADER',
    pending: true,
  },
  bundle_base_url: {
    doc: 'Where plugin bundles are fetched from.',
    format: 'string',
    default: '',
    env: 'TYK_GW_BUNDLEBASEURL',
    pending: true,
  },
  bundle_insecure_skip_verify: {
    doc: 'Accepts any certificate of the bundle server.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_BUNDLEINSECURESKIPVERIFY',
    pending: true,
  },
  public_key_path: {
    doc: 'Public key that plugin bundles must be signed for.',
    format: 'string',
    default: '',
    env: 'TYK_GW_PUBLICKEYPATH',
    pending: true,
  },
  skip_verify_existing_plugin_bundle: {
    doc: 'Does not check the signature of a bundle that is already there.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_SKIPVERIFYEXISTINGPLUGINBUNDLE',
    pending: true,
  },
} as const satisfies ConfigSection

/** `coprocess_options` of the configuration file. */
export const coprocessOptions = {
  enable_coprocess: {
    doc: 'Runs plugins in other processes.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_COPROCESSOPTIONS_ENABLECOPROCESS',
    pending: true,
  },
  coprocess_grpc_server: {
    doc: 'Address of a gRPC plugin server.',
    format: 'string',
    default: '',
    env: 'TYK_GW_COPROCESSOPTIONS_COPROCESSGRPCSERVER',
    pending: true,
  },
  grpc_recv_max_size: {
    doc: 'Largest message in bytes from that server.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_COPROCESSOPTIONS_GRPCRECVMAXSIZE',
    pending: true,
  },
  grpc_send_max_size: {
    doc: 'Largest message in bytes to that server.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_COPROCESSOPTIONS_GRPCSENDMAXSIZE',
    pending: true,
  },
  grpc_authority: {
    doc: 'Authority sent to that server.',
    format: 'string',
    default: '',
    env: 'TYK_GW_COPROCESSOPTIONS_GRPCAUTHORITY',
    pending: true,
  },
  grpc_round_robin_load_balancing: {
    doc: 'Spreads calls over several plugin servers.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_COPROCESSOPTIONS_GRPCROUNDROBINLOADBALANCING',
    pending: true,
  },
  python_path_prefix: {
    doc: 'Where Python plugins find their modules.',
    format: 'string',
    default: '',
    env: 'TYK_GW_COPROCESSOPTIONS_PYTHONPATHPREFIX',
    pending: true,
  },
  python_version: {
    doc: 'Python version for plugins.',
    format: 'string',
    default: '',
    env: 'TYK_GW_COPROCESSOPTIONS_PYTHONVERSION',
    pending: true,
  },
} as const satisfies ConfigSection
