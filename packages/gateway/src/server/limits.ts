import type { GatewayConfig } from '../config/schema.ts'

/** Go's limit for request headers: 1 MiB and some slack. */
export const MAX_HEADER_BYTES = 1024 * 1024 + 4096

const DEFAULT_TIMEOUT_S = 120

const milliseconds = (seconds: number): number => (seconds > 0 ? seconds : DEFAULT_TIMEOUT_S) * 1000

export const readTimeoutMs = (config: GatewayConfig): number => milliseconds(config.http_server_options.read_timeout)

export const writeTimeoutMs = (config: GatewayConfig): number => milliseconds(config.http_server_options.write_timeout)
