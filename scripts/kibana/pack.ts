/** Everything that is made for one form of documents. */
import { streamNames, wholeTemplate } from '../../packages/pump/src/sinks/elasticsearch/index-management/data-stream.ts'
import { FLAT_MAPPINGS, flatPatterns } from '../../packages/pump/src/sinks/elasticsearch/index-management/flat.ts'
import { consumers } from './dashboards/consumers.ts'
import { errors } from './dashboards/errors.ts'
import { latency } from './dashboards/latency.ts'
import { limits } from './dashboards/limits.ts'
import { map } from './dashboards/map.ts'
import { oneApi } from './dashboards/api.ts'
import { overview } from './dashboards/overview.ts'
import { pipeline } from './dashboards/pipeline.ts'
import type { FieldKind, Form } from './forms.ts'
import { type Rule, rules, type Slo, slos } from './rules.ts'
import type { SavedObject } from './saved-object.ts'
import { searches } from './searches.ts'

export interface Pack {
  readonly objects: readonly SavedObject[]
  readonly rules: readonly Rule[]
  readonly slos: readonly Slo[]
  readonly indexTemplate: object
}

export function packOf(form: Form): Pack {
  const objects = [
    dataView(form),
    ...Object.values(searches(form)).map((search: SavedObject) => search),
    ...[overview, oneApi, errors, latency, consumers, limits, map, pipeline].flatMap((board) => board(form)),
  ]
  // Several dashboards may show one saved search.
  const once = new Map(objects.map((object) => [`${object.type}/${object.id}`, object]))
  return { objects: [...once.values()], rules: rules(form), slos: slos(form), indexTemplate: indexTemplate(form) }
}

function dataView(form: Form): SavedObject {
  const { fields, more } = form
  const names: [field: string, label: string][] = [
    [fields.duration, 'Latency (ms)'],
    [fields.code, 'Status code'],
  ]
  if (more !== null) names.push([more.upstream, 'Upstream (ms)'], [more.gateway, 'Gateway (ms)'])
  // Nanoseconds are shown as milliseconds, which is what the charts say.
  const milliseconds = { inputFormat: 'nanoseconds', outputFormat: 'asMilliseconds', outputPrecision: 1 }
  const formats = {
    // Without it a status code reads 1,500 in some places and 500 in others.
    [fields.code]: { id: 'number', params: { pattern: '0' } },
    [fields.duration]:
      form.duration(1) === 1
        ? { id: 'number', params: { pattern: '0,0.[0]' } }
        : { id: 'duration', params: milliseconds },
    [fields.bytes]: { id: 'bytes' },
  }
  return {
    type: 'index-pattern',
    id: form.id('records'),
    attributes: {
      title: form.index,
      name: form.label === 'Tyk' ? 'Tyk analytics' : 'Tyk analytics, data stream',
      timeFieldName: fields.time,
      // The index appears with the first record; the view may be there before.
      allowNoIndex: true,
      fieldFormatMap: JSON.stringify(formats),
      fieldAttrs: JSON.stringify(Object.fromEntries(names.map(([field, customLabel]) => [field, { customLabel }]))),
      runtimeFieldMap: '{}',
    },
    references: [],
  }
}

/** A composable template, for those who want one and do not have the pump install it. */
function indexTemplate(form: Form): object {
  if (form.more !== null) return wholeTemplate(streamNames(form.index.replace('*', 'default')))
  const keyword = { type: 'keyword', ignore_above: 1024 }
  const mappings: Readonly<Partial<Record<FieldKind, object>>> = {
    date: { type: 'date' },
    long: { type: 'long' },
    text: { type: 'text', fields: { keyword } },
  }
  // The part after the dot belongs to the text field before it.
  const fields = Object.entries(form.kinds).filter(([field]) => !field.endsWith('.keyword'))
  const properties = Object.fromEntries(fields.map(([field, kind]) => [field, mappings[kind]]))
  return {
    index_patterns: flatPatterns(form.index.replace('*', '')),
    priority: 50,
    // Charts find their fields before the first record has them.
    template: { mappings: { ...FLAT_MAPPINGS, properties: { ...FLAT_MAPPINGS.properties, ...properties } } },
  }
}
