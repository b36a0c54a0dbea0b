import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A private folder that goes away with the test. */
export interface TemporaryDirectory {
  /** Absolute path. */
  path: string
  /** Deletes the folder and all in it. Safe to call twice. */
  remove: () => void
}

const live = new Set<string>()

function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 })
}

process.once('exit', () => {
  live.forEach(removeFolder)
})

/**
 * Makes a folder under the system's temporary folder. What was not removed by then is removed when this
 * process exits.
 * @param label short word that shows in the folder's name
 */
export function createTemporaryDirectory(label: string): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), `nuxt-scale-${label}-`))
  live.add(path)
  return {
    path,
    remove: () => {
      live.delete(path)
      removeFolder(path)
    },
  }
}
