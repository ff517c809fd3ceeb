import { type AnalyticsRecord, ZERO_INSTANT, emptyRecord } from '@tek/analytics-record'
import { describe, expect, it } from 'vitest'
import type { SinkOptions } from '../config/schema.ts'
import { compilePrepare, unknownFields } from './index.ts'

const NO_FILTERS: SinkOptions['filters'] = {
  api_ids: [],
  org_ids: [],
  response_codes: [],
  skip_api_ids: [],
  skip_org_ids: [],
  skip_response_codes: [],
}
const NONE: SinkOptions = {
  name: '',
  type: '',
  filters: NO_FILTERS,
  timeout: 0,
  omit_detailed_recording: false,
  max_record_size: 0,
  ignore_fields: [],
  raw_request_decoded: false,
  raw_response_decoded: false,
}
const record = (fields: Partial<AnalyticsRecord>): AnalyticsRecord => ({ ...emptyRecord(), ...fields })

const RECORDS = [
  ['a1', 'o1', 200],
  ['A1', 'o1', 200],
  ['a2', 'o1', 404],
  ['a2', 'o2', 200],
  ['a3', 'o2', 500],
  ['', '', 0],
] as const

describe('filters', () => {
  it.each<[string, Partial<SinkOptions['filters']>, number[]]>([
    ['pass the listed APIs, compared exactly', { api_ids: ['a1', 'a3'] }, [0, 4]],
    ['pass the listed organisations', { org_ids: ['o2'] }, [3, 4]],
    ['pass the listed codes', { response_codes: [404, 500] }, [2, 4]],
    ['need every allow list to match', { api_ids: ['a2'], org_ids: ['o1'], response_codes: [404] }, [2]],
    ['drop what any block list names', { skip_api_ids: ['a3'], skip_org_ids: ['o1'], skip_response_codes: [0] }, [3]],
    ['let a block entry win over an allow entry', { api_ids: ['a1', 'a2'], skip_org_ids: ['o2'] }, [0, 2]],
  ])('%s', (_, filters, expected) => {
    const prepare = compilePrepare({ ...NONE, filters: { ...NO_FILTERS, ...filters } }, 0)
    const passed = RECORDS.flatMap(([apiId, orgId, responseCode], index) =>
      prepare?.(record({ apiId, orgId, responseCode })) ? [index] : [],
    )
    expect(passed).toEqual(expected)
  })
})

describe('raw texts', () => {
  const raw = { rawRequest: 'R0VUIC8=', rawResponse: 'T0s=' }
  it.each<[string, Partial<SinkOptions>, number, object]>([
    [
      'are emptied with omit_detailed_recording',
      { omit_detailed_recording: true, max_record_size: 3 },
      0,
      { rawRequest: '', rawResponse: '' },
    ],
    ['are cut to the global size', {}, 5, { rawRequest: 'R0VUI', rawResponse: 'T0s=' }],
    ['are cut to the size of the sink, which wins', { max_record_size: 2 }, 5, { rawRequest: 'R0', rawResponse: 'T0' }],
    [
      'are decoded each by its own option',
      { raw_request_decoded: true },
      0,
      { rawRequest: 'GET /', rawResponse: 'T0s=' },
    ],
    ['stay as they are when cutting broke their base64', { raw_request_decoded: true }, 5, { rawRequest: 'R0VUI' }],
    ['are decoded after they were cut', { raw_request_decoded: true }, 4, { rawRequest: 'GET' }],
    [
      'are ignored before they would be decoded',
      { ignore_fields: ['raw_request'], raw_request_decoded: true },
      0,
      { rawRequest: '' },
    ],
  ])('%s', (_, options, globalMax, expected) => {
    expect(compilePrepare({ ...NONE, ...options }, globalMax)?.(record(raw))).toMatchObject(expected)
  })

  it('are cut by bytes, not by characters', () => {
    expect(compilePrepare(NONE, 2)?.(record({ rawRequest: 'é€' }))?.rawRequest).toBe('é')
  })
})

describe('ignored fields', () => {
  it('take their zero value, after filters have seen what they were', () => {
    const options = {
      ...NONE,
      filters: { ...NO_FILTERS, api_ids: ['a1'] },
      ignore_fields: ['api_id', 'response_code', 'tags', 'timestamp', 'track_path', 'geo'],
    }
    const prepared = compilePrepare(
      options,
      0,
    )?.(record({ apiId: 'a1', responseCode: 200, tags: ['x'], trackPath: true }))
    expect(prepared).toEqual(record({ timestamp: ZERO_INSTANT }))
  })

  it('are known by their JSON names', () => {
    expect(unknownFields(['api_key', 'APIKey', 'collection_name', 'expireAt'])).toEqual(['APIKey', 'collection_name'])
  })
})

describe('without options', () => {
  it('nothing is compiled, and records are shared as they are', () => {
    expect(compilePrepare(NONE, 0)).toBeNull()
  })

  it('no record is ever changed in place', () => {
    const shared = record({ rawRequest: 'R0VUIC8=', apiId: 'a' })
    compilePrepare({ ...NONE, ignore_fields: ['api_id'], omit_detailed_recording: true }, 0)?.(shared)
    expect(shared).toMatchObject({ rawRequest: 'R0VUIC8=', apiId: 'a' })
  })
})
