/*
 * Detailed recording: the request and the answer of a record in HTTP/1.1 text form.
 *
 * The messages are copied as they pass and never hold a client up; `raw-message.ts` prints them as Go does, because that
 * is the form Tyk records have. Whether a request is recorded in detail is decided once, when its chain is over.
 */
export { BodyMemory } from './capped-body.ts'
export { PassingMessages } from './messages.ts'
export { wantsDetail } from './wanted.ts'
