import type { ConfigSection } from './section.ts'

/** What every entry of `pumps` may say besides its `meta`. Variables are `TYK_PMP_PUMPS_<NAME>_` and the suffix. */
export const sinkOptions = {
  name: { doc: 'Deprecated, unused.', format: 'string', default: '', env: 'NAME' },
  type: {
    doc: 'Kind of sink; empty: the name of the entry is the kind.',
    format: 'string',
    default: '',
    env: 'TYPE',
  },
  filters: {
    api_ids: {
      doc: 'Only records of these APIs. Compared exactly.',
      format: 'string-list',
      default: [],
      env: 'FILTERS_APIIDS',
    },
    org_ids: {
      doc: 'Only records of these organisations.',
      format: 'string-list',
      default: [],
      env: 'FILTERS_ORGSIDS',
    },
    response_codes: {
      doc: 'Only records with these response codes.',
      format: 'int-list',
      default: [],
      env: 'FILTERS_RESPONSECODES',
    },
    skip_api_ids: {
      doc: 'No records of these APIs; wins over api_ids.',
      format: 'string-list',
      default: [],
      env: 'FILTERS_SKIPPEDAPIIDS',
    },
    skip_org_ids: {
      doc: 'No records of these organisations; wins over org_ids.',
      format: 'string-list',
      default: [],
      env: 'FILTERS_SKIPPEDORGSIDS',
    },
    skip_response_codes: {
      doc: 'No records with these response codes; wins over response_codes.',
      format: 'int-list',
      default: [],
      env: 'FILTERS_SKIPPEDRESPONSECODES',
    },
  },
  timeout: {
    doc: 'Seconds one attempt to write may take; it is then tried again. 0: two minutes.',
    format: 'go-int',
    default: 0,
    env: 'TIMEOUT',
    range: [0, 86_400],
  },
  omit_detailed_recording: {
    doc: 'Empties raw request and response.',
    format: 'go-bool',
    default: false,
    env: 'OMITDETAILEDRECORDING',
  },
  max_record_size: {
    doc: 'Cuts raw request and response to this many bytes of base64 text each; 0: as the global option says.',
    format: 'go-int',
    default: 0,
    env: 'MAXRECORDSIZE',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
  ignore_fields: {
    doc: 'Record fields that are emptied, by their JSON names.',
    format: 'string-list',
    default: [],
    env: 'IGNOREFIELDS',
  },
  raw_request_decoded: {
    doc: 'Decodes the raw request from base64.',
    format: 'go-bool',
    default: false,
    env: 'DECODERAWREQUEST',
  },
  raw_response_decoded: {
    doc: 'Decodes the raw response from base64.',
    format: 'go-bool',
    default: false,
    env: 'DECODERAWRESPONSE',
  },
} as const satisfies ConfigSection
