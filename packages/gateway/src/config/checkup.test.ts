import { expect, test } from 'vitest'
import { parseArgs } from '../cli.ts'
import { checkup } from './checkup.ts'
import { loadConfig } from './load.ts'
import type { GatewayConfig } from './schema.ts'

function configOf(env: NodeJS.ProcessEnv): GatewayConfig {
  const args = parseArgs([])
  if (args.kind === 'error') throw new Error(args.message)
  return loadConfig({ args, env: { TYK_GW_OMITCONFIGFILE: 'true', ...env }, cwd: '/' }).config
}

const sound = { TYK_GW_SECRET: 'a', TYK_GW_NODESECRET: 'b', TYK_GW_CONTROLAPIPORT: '9696' }

test('says nothing about a sound configuration', () => {
  expect(checkup(configOf(sound), 2)).toEqual([])
})

test.each<[string, NodeJS.ProcessEnv, number]>([
  ['Insecure configuration allowed', { TYK_GW_ALLOWINSECURECONFIGS: 'true' }, 2],
  ['Health Checker is deprecated and not recommended', { TYK_GW_HEALTHCHECK_ENABLEHEALTHCHECKS: 'true' }, 2],
  [
    'force_global_session_lifetime is on and global_session_lifetime is 0: sessions never expire',
    { TYK_GW_FORCEGLOBALSESSIONLIFETIME: 'true' },
    2,
  ],
  ['Num CPUs too low for production. Min 2 recommended.', {}, 1],
  ['Default secret should be changed for production.', { TYK_GW_SECRET: '352d20ee67be67f6340b4c0605b044b7' }, 2],
  ['Default node_secret should be changed for production.', { TYK_GW_NODESECRET: '' }, 2],
  [
    'control_api_use_mutual_tls is on and use_ssl is off: every call of the control API is refused',
    { TYK_GW_SECURITY_CONTROLAPIUSEMUTUALTLS: 'true', TYK_GW_SECURITY_CERTIFICATES_CONTROLAPI: 'a.pem' },
    2,
  ],
  [
    'control_api_use_mutual_tls is on and certificates.control_api is empty: every call of the control API is refused',
    { TYK_GW_SECURITY_CONTROLAPIUSEMUTUALTLS: 'true', TYK_GW_HTTPSERVEROPTIONS_USESSL: 'true' },
    2,
  ],
  ['The control_api_port should be changed for production', { TYK_GW_CONTROLAPIPORT: '0' }, 2],
])('%s', (message, env, cpus) => {
  expect(checkup(configOf({ ...sound, ...env }), cpus).map((warning) => warning.message)).toEqual([message])
})
