// SPDX-License-Identifier: Apache-2.0
/* Line icons, 24 px, drawn for this project. */
const PATHS = {
  home: 'M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6',
  search: 'M10.500 4a6.500 6.500 0 1 0 0 13a6.500 6.500 0 1 0 0-13M15.500 15.500L21 21',
  register: 'M10 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8M3 21c0-4 3-6 7-6c1.500 0 2.800.3 4 .8M18 14v7M14.500 17.500h7',
  logs: 'M5 3h14v18H5zM9 8h6M9 12h6M9 16h4',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  down: 'M5 9l7 7 7-7',
  up: 'M5 15l7-7 7 7',
  close: 'M5 5l14 14M19 5L5 19',
  info: 'M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v6M12 7.200v.6',
  warn: 'M12 3L2 20h20zM12 10v5M12 17.300v.5',
  check: 'M4 12.500l5.500 5.500L20 6.500',
  refresh: 'M20 5v5h-5M4 19v-5h5M19 10a7.500 7.500 0 0 0-13.500-2.500M5 14a7.500 7.500 0 0 0 13.500 2.500',
  list: 'M8 6h13M8 12h13M8 18h13M3.500 6h.5M3.500 12h.5M3.500 18h.5',
  grid: 'M3 5h18v15H3zM3 10h18M8.500 5v15M15 5v15',
  eye: 'M2 12c3-5 6.500-7 10-7s7 2 10 7c-3 5-6.500 7-10 7s-7-2-10-7M3 3l18 18',
  download: 'M12 3v12M7 10.500l5 5 5-5M4 20h16',
  keyboard: 'M2.500 6h19v12h-19zM6 10h.5M10 10h.5M14 10h.5M18 10h.5M7.500 14h9',
  print: 'M7 9V3h10v6M7 17H3V9h18v8h-4M7 14h10v7H7z',
  plus: 'M12 5v14M5 12h14',
  user: 'M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8M4 21c0-4 3.500-6 8-6s8 2 8 6',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.8"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

/** The sign of the project: threads crossing over and under. */
export function Sign() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <g fill="none" stroke-width="3" stroke-linecap="round">
        <path
          d="M10 5v8M10 19v8M16 5v2.500M16 13v6M16 24.500V27M22 5v8M22 19v8"
          stroke="#fff"
        />
        <path
          d="M5 10h2.500M13 10h6M24.500 10H27M5 16h8M19 16h8M5 22h2.500M13 22h6M24.500 22H27"
          stroke="#ffd43d"
        />
      </g>
    </svg>
  );
}
