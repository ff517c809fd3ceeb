import type { GatewayConfig } from './schema.ts'
import { listener } from './listener.ts'

/** What a production gateway should not be left with. */
export interface CheckupWarning {
  readonly prefix: 'checkup' | 'main'
  readonly message: string
}

const FEWEST_CPUS = 2

/** Warnings about settings that work and are unwise, for the start of the log. */
export function checkup(config: GatewayConfig, cpus: number): CheckupWarning[] {
  const wellKnown: ReadonlySet<string> = new Set(['', listener.secret.generated])
  const { control_api_use_mutual_tls: mutual } = config.security
  const rows: readonly (readonly [boolean, CheckupWarning['prefix'], string])[] = [
    [config.allow_insecure_configs, 'checkup', 'Insecure configuration allowed'],
    [config.health_check.enable_health_checks, 'checkup', 'Health Checker is deprecated and not recommended'],
    [
      config.force_global_session_lifetime && config.global_session_lifetime === 0,
      'checkup',
      'force_global_session_lifetime is on and global_session_lifetime is 0: sessions never expire',
    ],
    [cpus < FEWEST_CPUS, 'checkup', 'Num CPUs too low for production. Min 2 recommended.'],
    [wellKnown.has(config.secret), 'checkup', 'Default secret should be changed for production.'],
    [wellKnown.has(config.node_secret), 'checkup', 'Default node_secret should be changed for production.'],
    [
      mutual && !config.http_server_options.use_ssl,
      'checkup',
      'control_api_use_mutual_tls is on and use_ssl is off: every call of the control API is refused',
    ],
    [
      mutual && config.security.certificates.control_api.length === 0,
      'checkup',
      'control_api_use_mutual_tls is on and certificates.control_api is empty: every call of the control API is refused',
    ],
    [config.control_api_port === 0, 'main', 'The control_api_port should be changed for production'],
  ]
  return rows.filter(([applies]) => applies).map(([, prefix, message]) => ({ prefix, message }))
}
