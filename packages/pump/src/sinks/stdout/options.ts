import type { ConfigSection } from '../../config/section.ts'

export const stdoutOptions = {
  format: {
    doc: "`json` prints one JSON line per record on standard output; anything else writes a line of the pump's own log.",
    format: 'string',
    default: 'text',
    env: 'FORMAT',
  },
  log_field_name: {
    doc: 'Key of the record in the line.',
    format: 'string',
    default: 'tyk-analytics-record',
    env: 'LOGFIELDNAME',
  },
  use_legacy_payload_format: {
    doc: 'Leaves raw_request and raw_response as they are; otherwise they are put on one line.',
    format: 'go-bool',
    default: false,
    env: 'USELEGACYPAYLOADFORMAT',
  },
} as const satisfies ConfigSection
