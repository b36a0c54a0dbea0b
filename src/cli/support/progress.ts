/** What a bar shows. */
export interface BarState {
  label: string
  done: number
  total: number
  /** What is under way. */
  detail?: string
  /** Width of the terminal. */
  columns: number
}

const WIDTH = 24

/** One line: a label, a bar, how much of all, and what is under way, cut to the width. A line that wraps could not be erased. */
export function renderBar({ label, done, total, detail = '', columns }: BarState): string {
  const share = total > 0 ? Math.min(1, done / total) : 1
  const filled = Math.round(share * WIDTH)
  const line = `${label} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}${detail && ` ${detail}`}`
  return line.slice(0, Math.max(0, columns - 1))
}
