/** Thrown when a record holds a value that its wire form cannot carry, such as a fraction in an integer field. */
export class RecordEncodeError extends Error {
  readonly code = 'RECORD_ENCODE'
}

/** Thrown when bytes are not a record; the message says at which byte and field. */
export class RecordDecodeError extends Error {
  readonly code = 'RECORD_DECODE'
}
