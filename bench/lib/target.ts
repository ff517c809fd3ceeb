/** What a load generator asks for. */
export interface Target {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly bodyBytes?: number
  /** Takes turns over this many paths: `{}` in the address stands for the number, of four digits. */
  readonly spread?: number
}
