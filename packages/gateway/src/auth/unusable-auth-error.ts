/**
 * The settings of a way of authentication cannot work. The API is not served, also not in an older form, which may have
 * been less protected.
 */
export class UnusableAuthError extends Error {
  readonly code = 'GATEWAY_UNUSABLE_AUTH'
}
