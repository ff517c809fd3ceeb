import type { GatewayConfig } from '../config/schema.ts'

/** Go's limit for request headers: 1 MiB and some slack. */
export const MAX_HEADER_BYTES = 1024 * 1024 + 4096

/** Node's own limit of HTTP/1.1 is 1000, that of HTTP/2 is 128. */
export const MAX_HEADER_LINES = 10_000

const DEFAULT_TIMEOUT_S = 120

const milliseconds = (seconds: number): number => (seconds > 0 ? seconds : DEFAULT_TIMEOUT_S) * 1000

export const readTimeoutMs = (config: GatewayConfig): number => milliseconds(config.http_server_options.read_timeout)

export const writeTimeoutMs = (config: GatewayConfig): number => milliseconds(config.http_server_options.write_timeout)
