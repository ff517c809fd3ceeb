/** Made by `build/world-map.ts` when the page is built. */
declare module 'virtual:world-map' {
  export const width: number
  export const height: number
  /** ISO 3166-1 alpha-2, empty for land that belongs to no code, and SVG path data. */
  export const countries: readonly (readonly [iso: string, path: string])[]
}
