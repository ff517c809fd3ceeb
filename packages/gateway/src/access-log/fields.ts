import { fromByteString } from '../byte-string.ts'
import { keyForLog } from '../auth/counted-log.ts'
import { hashKey } from '../auth/key-hash.ts'
import type { RequestContext } from '../chain/context.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { escapePath } from '../proxy/escape.ts'
import { classifyFailure, upstreamAnswered, type Classification } from './classify.ts'

/** Every field a line can have; what a template may name. */
export const ACCESS_LOG_FIELDS: ReadonlySet<string> = new Set([
  'api_id',
  'api_key',
  'api_name',
  'api_type',
  'client_ip',
  'error_source',
  'error_target',
  'host',
  'latency_gateway',
  'latency_total',
  'method',
  'org_id',
  'original_path',
  'path',
  'protocol',
  'remote_addr',
  'response_code_details',
  'response_flag',
  'status',
  'tls_cert_expiry',
  'tls_cert_subject',
  'upstream_addr',
  'upstream_latency',
  'upstream_status',
  'user_agent',
  'prefix',
])

export type AccessLogFields = (ctx: RequestContext, status: number, upstreamMs: number) => Record<string, unknown>

export function buildAccessLogFields(config: GatewayConfig): AccessLogFields {
  const keyOf = config.hash_keys
    ? hashKey
    : (token: string): string => (token === '' ? '--' : keyForLog(token, config.enable_key_logging))
  return (ctx, status, upstreamMs) => {
    const { apiId, apiName, orgId } = ctx.api
    const total = Math.trunc(performance.now() - ctx.startedMs)
    const upstream = Math.min(Math.trunc(upstreamMs), total)
    const path = ctx.upstreamPath ?? ctx.path
    return {
      ...(apiId === '' ? {} : { api_id: apiId }),
      ...(apiName === '' ? {} : { api_name: apiName }),
      ...(orgId === '' ? {} : { org_id: orgId }),
      api_key: keyOf(ctx.token),
      api_type: 'classic',
      client_ip: ctx.clientIp,
      host: fromByteString(ctx.host),
      latency_gateway: total - upstream,
      latency_total: total,
      method: ctx.upstreamMethod ?? ctx.method,
      original_path: fromByteString(ctx.originalPath),
      path: fromByteString(path),
      protocol: `HTTP/${ctx.request.httpVersion}`,
      remote_addr: remoteAddress(ctx),
      status,
      upstream_addr: ctx.upstreamPath === null ? fromByteString(path) : upstreamAddress(ctx, path),
      upstream_latency: upstream,
      user_agent: fromByteString(ctx.headers.get('User-Agent') ?? ''),
      ...reasonFields(ctx, status),
    }
  }
}

function reasonFields(ctx: RequestContext, status: number): Record<string, string | number> {
  const reason = reasonOf(ctx, status)
  if (reason === null) return {}
  const target = targetOf(ctx, reason)
  return {
    response_flag: reason.flag,
    response_code_details: reason.details,
    error_source: reason.source,
    ...(target === null ? {} : { error_target: target }),
    ...reason.more,
  }
}

function reasonOf(ctx: RequestContext, status: number): Classification | null {
  if (ctx.failure !== null) return classifyFailure(ctx.failure)
  return status >= 500 ? upstreamAnswered(status) : null
}

/** The host that answered badly, or the URL that could not be asked; nothing for what happened before the proxy step. */
function targetOf(ctx: RequestContext, { source }: Classification): string | null {
  if (ctx.upstreamPath === null) return null
  const { authority } = target(ctx)
  return source === 'Upstream' ? authority : authority + fromByteString(ctx.upstreamPath)
}

function upstreamAddress(ctx: RequestContext, path: string): string {
  const { scheme, authority } = target(ctx)
  return `${scheme}://${authority}${escapePath(path)}`
}

const target = (ctx: RequestContext): RequestContext['upstream']['target'] => ctx.rewrite?.target ?? ctx.upstream.target

function remoteAddress({ peerIp, request }: RequestContext): string {
  const host = peerIp.includes(':') ? `[${peerIp}]` : peerIp
  return `${host}:${request.socket.remotePort ?? ''}`
}
