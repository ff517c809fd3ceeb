import type { Recorder } from '../analytics/recorder.ts'
import type { RequestContext } from '../chain/context.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { ACCESS_LOG_FIELDS, buildAccessLogFields } from './fields.ts'

/**
 * Adds one line per request to what happens at a request's end; with the access log off, the recorder as it is.
 *
 * A line goes out where a record would, whether records are on or not. So there is none for a request that met no API, a
 * redirect, the control API, a CORS preflight or a mock. An error where nothing is to be tracked leaves none either.
 */
export function withAccessLog(recorder: Recorder, config: GatewayConfig, log: Log): Recorder {
  const { enabled, template } = config.access_logs
  if (!enabled || !log.isLevelEnabled('info')) return recorder
  const unknown = template.filter((name) => !ACCESS_LOG_FIELDS.has(name))
  if (unknown.length > 0) log.warn({ fields: unknown.join(', ') }, 'Access log fields that do not exist')
  const fieldsOf = buildAccessLogFields(config)
  const write = (ctx: RequestContext, status: number, upstreamMs: number): void => {
    log.info({ ...shown(fieldsOf(ctx, status, upstreamMs), template), prefix: 'access-log' })
  }
  return {
    ...recorder,
    success(ctx, status) {
      write(ctx, status, ctx.upstreamMs)
      recorder.success(ctx, status)
    },
    error(ctx, status) {
      if (ctx.api.analytics.tracked && !ctx.doNotTrack) write(ctx, status, 0)
      recorder.error(ctx, status)
    },
  }
}

function shown(fields: Record<string, unknown>, template: readonly string[]): Record<string, unknown> {
  if (template.length === 0) return fields
  return Object.fromEntries(Object.entries(fields).filter(([name]) => template.includes(name)))
}
