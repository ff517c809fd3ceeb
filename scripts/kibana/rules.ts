/**
 * Alert rules and service level objectives, as bodies of Kibana's APIs: neither can be in an export file. The rules use
 * what Kibana 7.17 knows, and 8 and 9 take unchanged. They have no actions: connectors are the reader's own.
 */
import { createHash } from 'node:crypto'
import { type Form, statusQueries } from './forms.ts'

export interface Rule {
  /** Kibana takes only UUIDs for objects with encrypted parts. */
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

export interface Slo {
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

export function rules(form: Form): Rule[] {
  const { index, fields } = form
  const range = (gte: number, lt?: number): object => ({ range: { [fields.code]: { gte, ...(lt && { lt }) } } })
  const window = (minutes: number): object => ({ timeWindowSize: minutes, timeWindowUnit: 'm' })
  const rule = (name: string, title: string, type: string, every: string, params: object): Rule => ({
    id: uuid(form.id(`rule-${name}`)),
    body: {
      name: form.title(title),
      rule_type_id: type,
      consumer: 'alerts',
      tags: ['tyk'],
      schedule: { interval: every },
      notify_when: 'onActionGroupChange',
      actions: [],
      params,
    },
  })
  const hits = (query: object, comparator: '>' | '<', threshold: number, minutes: number): object => ({
    index: [index],
    timeField: fields.time,
    esQuery: JSON.stringify({ query }),
    size: 10,
    ...window(minutes),
    threshold: [threshold],
    thresholdComparator: comparator,
  })
  return [
    rule('5xx', 'many server errors (more than 20 in 5 minutes)', '.es-query', '1m', hits(range(500), '>', 20, 5)),
    rule('silence', 'no requests for 15 minutes', '.es-query', '1m', hits({ match_all: {} }, '<', 1, 15)),
    rule(
      'rate-limit',
      'many requests over a rate limit (more than 100 in 5 minutes)',
      '.es-query',
      '1m',
      hits(range(429, 430), '>', 100, 5),
    ),
    rule(
      'auth',
      'many authentication failures (more than 50 in 5 minutes)',
      '.es-query',
      '1m',
      hits({ terms: { [fields.code]: [401, 403] } }, '>', 50, 5),
    ),
    rule('slow', 'slow API (average over 1 s in 5 minutes)', '.index-threshold', '1m', {
      index: [index],
      timeField: fields.time,
      aggType: 'avg',
      aggField: fields.duration,
      groupBy: 'top',
      termField: fields.api,
      termSize: 20,
      ...window(5),
      thresholdComparator: '>',
      threshold: [form.duration(1000)],
    }),
  ]
}

export function slos(form: Form): Slo[] {
  const { index, fields } = form
  const { serverErrors } = statusQueries(form)
  const slo = (name: string, title: string, description: string, good: string, target: number): Slo => ({
    id: form.id(`slo-${name}`),
    body: {
      name: form.title(title),
      description,
      indicator: {
        type: 'sli.kql.custom',
        params: { index, filter: '', good, total: `${fields.code} : *`, timestampField: fields.time },
      },
      timeWindow: { duration: '30d', type: 'rolling' },
      budgetingMethod: 'occurrences',
      objective: { target },
      groupBy: fields.api,
      tags: ['tyk'],
    },
  })
  return [
    slo('availability', 'availability 99.5 %', 'Requests without a 5xx, per API.', `not ${serverErrors}`, 0.995),
    slo(
      'latency',
      '99 % within 1 s',
      'Requests answered within a second, per API.',
      `${fields.duration} < ${form.duration(1000)}`,
      0.99,
    ),
  ]
}

/** A UUID (version 5 in form) that is always the same for a name. */
function uuid(name: string): string {
  const hex = createHash('sha1').update(`tek/kibana/${name}`).digest('hex')
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
