import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file that is written to the disk, but is not yet in its place. */
export interface PreparedFile {
  /** Puts it in its place. */
  commit: () => Promise<void>
  /** Removes it, unless it is in its place. */
  discard: () => Promise<void>
}

/** Writes a file next to the one that it will replace. */
export async function prepareFile(path: string, text: string): Promise<PreparedFile> {
  await mkdir(dirname(path), { recursive: true })
  const next = `${path}.${process.pid}.tmp`
  const discard = () => rm(next, { force: true })
  try {
    const file = await open(next, 'w', 0o644)
    try {
      await file.writeFile(text)
      await file.sync()
    }
    finally {
      await file.close()
    }
  }
  catch (error) {
    await discard()
    throw error
  }
  return { commit: () => rename(next, path), discard }
}

/** Writes a file so that a reader, or a crash, finds the old text or the new one, never a part. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const prepared = await prepareFile(path, text)
  try {
    await prepared.commit()
  }
  finally {
    await prepared.discard()
  }
}
