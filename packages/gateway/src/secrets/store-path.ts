import { SecretStoreError } from './store.ts'

/**
 * A path as a part of a URL, its slashes kept.
 *
 * @throws SecretStoreError when it has a part that would lead out of where it begins.
 */
export function encodedStorePath(path: string): string {
  const parts = path.split('/')
  if (parts.some((part) => part === '.' || part === '..')) {
    throw new SecretStoreError('refused', `${path}: a path has no parts . or ..`)
  }
  return parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/')
}
