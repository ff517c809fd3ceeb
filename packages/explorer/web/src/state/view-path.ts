import { withParameters } from '../api/client.ts'
import { page } from './location.ts'

/** Path of a view's question: query and range of the page, and what the view adds. */
export function viewPath(path: string, more: Readonly<Record<string, string | number>> = {}): string {
  const { query, from, to } = page.value
  return withParameters(path, { q: query, from, to, ...more })
}
