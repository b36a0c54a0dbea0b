/** Content of a progress bar. */
export interface BarState {
  label: string
  done: number
  total: number
  /** The current item. */
  detail?: string
  /** Width of the terminal, in characters. */
  columns: number
}

const WIDTH = 24

/** Renders one line with label, bar, count and current item. It is cut to the width, because a wrapped line cannot be erased. */
export function renderBar({ label, done, total, detail = '', columns }: BarState): string {
  const share = total > 0 ? Math.min(1, done / total) : 1
  const filled = Math.round(share * WIDTH)
  const line = `${label} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}${detail && ` ${detail}`}`
  return line.slice(0, Math.max(0, columns - 1))
}
