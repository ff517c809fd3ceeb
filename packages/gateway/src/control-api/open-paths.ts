import type { GatewayConfig } from '../config/schema.ts'
import { METRICS_PATH } from './metrics.ts'

/** Paths beside the control API's that are served without the secret. */
export function openPaths(config: GatewayConfig): ReadonlySet<string> {
  const paths = [`/${config.health_check_endpoint_name}`, `/${config.readiness_check_endpoint_name}`]
  return new Set(config.enable_metrics ? [...paths, METRICS_PATH] : paths)
}
