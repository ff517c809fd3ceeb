/** Line icons on a grid of 20; decoration only, so hidden from screen readers. */
const PATHS = {
  search: 'M8.5 14a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Zm4-1.500L17 17',
  clock: 'M10 17.500a7.500 7.500 0 1 0 0-15 7.500 7.500 0 0 0 0 15ZM10 6v4.300l2.800 1.700',
  close: 'M5 5l10 10M15 5L5 15',
  left: 'M12 5l-5 5 5 5',
  right: 'M8 5l5 5-5 5',
  down: 'M5 8l5 5 5-5',
  up: 'M5 12l5-5 5 5',
  zoomOut: 'M8.5 14a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11Zm4-1.500L17 17M6 8.500h5',
  more: 'M4.500 10h.01M10 10h.01M15.500 10h.01',
  only: 'M10 4v12M4 10h12',
  exclude: 'M4 10h12',
  copy: 'M7 7V4h9v9h-3M4 7h9v9H4z',
  check: 'M4 10.500l4 4 8-9',
  sun: 'M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M15.700 4.300l-1.100 1.100M5.400 14.600l-1.100 1.100',
  moon: 'M16.500 11.800A7 7 0 0 1 8.200 3.500a7 7 0 1 0 8.300 8.300Z',
  system: 'M3 4h14v9H3zM7 16.500h6M10 13v3.500',
  help: 'M7.500 7.500a2.500 2.500 0 1 1 3.500 2.300c-.700.300-1 .800-1 1.700M10 14.500h.01M10 17.500a7.500 7.500 0 1 0 0-15 7.500 7.500 0 0 0 0 15Z',
  table: 'M3 4h14v12H3zM3 8h14M3 12h14M8 8v8',
  columns: 'M3 4h14v12H3zM8 4v12M12.500 4v12',
  download: 'M10 3v9M6.500 9l3.500 3.500L13.500 9M4 16h12',
  play: 'M6.500 4l9 6-9 6z',
  stop: 'M5.500 5.500h9v9h-9z',
  warning: 'M10 3l7.500 13.500h-15zM10 8v4M10 14.300h.01',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}
