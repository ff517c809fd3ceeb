/** What a query line means, whatever the store: the parser makes it, each store compiles it. */
export type Query =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Query[] }
  | { readonly kind: 'not'; readonly part: Query }
  /**
   * A field of `fields.ts` is exactly this text, and case counts. A list has a value that is the text or ends in a hyphen
   * and the text: `foo@bar.com` finds the tag `user-foo@bar.com`. In a field of kind `text`, a raw message, it is looked
   * for anywhere and in any case, here and in `matches`.
   */
  | { readonly kind: 'equals'; readonly field: string; readonly value: string | number | boolean }
  /** As `equals`, with `*` for any characters and `?` for one; `pieces` are the texts between and the two wildcards. */
  | { readonly kind: 'matches'; readonly field: string; readonly pieces: readonly (string | Wildcard)[] }
  /** Bounds of a number (as it is stored) or a date (milliseconds since 1970); an absent one is open. */
  | { readonly kind: 'range'; readonly field: string; readonly from?: Bound; readonly to?: Bound }
  /** The field has a value that is not empty. */
  | { readonly kind: 'exists'; readonly field: string }
  /** Free text: in the path, the user agent, a tag or the raw texts, whatever its case. */
  | { readonly kind: 'text'; readonly pieces: readonly (string | Wildcard)[] }

export type Wildcard = { readonly any: 'characters' | 'character' }
export interface Bound {
  readonly value: number
  readonly inclusive: boolean
}
