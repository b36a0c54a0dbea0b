import { beforeEach, describe, expect, it } from 'vitest'
import type { Driver, Storage } from 'unstorage'
import { createStorage, restoreSnapshot, snapshot } from 'unstorage'

/**
 * What unstorage asks of every driver, seen through the storage that applications use. Describes the public
 * contract of unstorage 1.17; each test starts with an empty mount.
 */
export function describeDriverContract(createDriver: () => Driver): void {
  describe('the driver contract of unstorage', () => {
    let storage: Storage

    beforeEach(async () => {
      storage = createStorage({ driver: createDriver() })
      await storage.clear()
      return () => storage.clear()
    })

    const fill = (...keys: string[]) => Promise.all(keys.map(key => storage.setItem(key, `value of ${key}`)))
    const sortedKeys = async (base?: string, maxDepth?: number) => (await storage.getKeys(base, { maxDepth })).sort()

    it('is empty at first', async () => {
      expect(await storage.hasItem('a:b')).toBe(false)
      expect(await storage.getItem('a:b')).toBeNull()
      expect(await storage.getItemRaw('a:b')).toBeNull()
      expect(await storage.getKeys()).toEqual([])
    })

    it('takes and gives a snapshot', async () => {
      await restoreSnapshot(storage, { 'one': 'first', 'two:three': 'second' })
      expect(await snapshot(storage, '')).toEqual({ 'one': 'first', 'two:three': 'second' })
    })

    it('stores items, and ignores the query of a key', async () => {
      await fill('a:x', 'b:x', 'c:x?query=1')
      expect(await storage.hasItem('a:x')).toBe(true)
      expect(await storage.getItem('b:x')).toBe('value of b:x')
      expect(await storage.getItem('c:x?query=2')).toBe('value of c:x?query=1')
    })

    it('lists keys, all and below a base', async () => {
      await fill('a:x', 'a:y:z', 'b:x', 'ab:x')
      expect(await sortedKeys()).toEqual(['a:x', 'a:y:z', 'ab:x', 'b:x'])
      expect(await sortedKeys('a')).toEqual(['a:x', 'a:y:z'])
      expect(await sortedKeys('a:y')).toEqual(['a:y:z'])
      expect(await sortedKeys('nothing')).toEqual([])
    })

    it('lists keys down to a depth', async () => {
      await fill('top', 'one:x', 'one:y', 'one:two:x', 'one:two:y')
      expect(await sortedKeys(undefined, 0)).toEqual(['top'])
      expect(await sortedKeys(undefined, 1)).toEqual(['one:x', 'one:y', 'top'])
      expect(await sortedKeys(undefined, 2)).toEqual(['one:two:x', 'one:two:y', 'one:x', 'one:y', 'top'])
    })

    it.each([[{ nested: ['works', 1] }], [[1, 2]], [true], [false], [0], [''], ['text']])('gives %o back', async (value) => {
      await storage.setItem('folder/value.json', value)
      expect(await storage.getItem('folder/value.json')).toEqual(value)
    })

    it('stores what toJSON returns', async () => {
      await storage.setItem('text', { toJSON: () => 'as text' } as never)
      await storage.setItem('object', { toJSON: () => ({ as: 'object' }) } as never)
      expect(await storage.getItem('text')).toBe('as text')
      expect(await storage.getItem('object')).toEqual({ as: 'object' })
    })

    it('refuses an instance of a class', async () => {
      class Opaque {
        field = 1
      }
      await expect(storage.setItem('opaque', new Opaque() as never)).rejects.toThrow('Cannot stringify value')
    })

    it('keeps raw bytes', async () => {
      const bytes = new Uint8Array([1, 2, 3])
      await storage.setItemRaw('raw.bin', bytes)
      expect(Uint8Array.from(await storage.getItemRaw<Buffer>('raw.bin') ?? [])).toEqual(bytes)
    })

    it('writes and reads in bulk, in order, with null for what is missing', async () => {
      await storage.setItems([{ key: 'p:1', value: 'one' }, { key: 'q:2', value: 'two' }, { key: 'r:3?x', value: 'three' }])
      expect(await storage.getItems([{ key: 'r:3?y' }, 'missing:4', { key: 'p:1' }, 'q:2'])).toEqual([
        { key: 'r:3', value: 'three' },
        { key: 'missing:4', value: null },
        { key: 'p:1', value: 'one' },
        { key: 'q:2', value: 'two' },
      ])
    })

    it('removes an item, and its metadata when asked to', async () => {
      await fill('a:x', 'a:y')
      await storage.setMeta('a:x', { note: 'n' })
      expect(await storage.getMeta('a:x')).toMatchObject({ note: 'n' })
      await storage.removeItem('a:x', { removeMeta: true })
      expect(await storage.hasItem('a:x')).toBe(false)
      expect(await storage.getItem('a:x')).toBeNull()
      expect(await storage.getKeys()).toEqual(['a:y'])
    })

    it('removes by setting undefined', async () => {
      await fill('a')
      await storage.setItem('a', undefined as never)
      expect(await storage.hasItem('a')).toBe(false)
    })

    it('clears all, and an empty mount as well', async () => {
      await fill('a:x', 'ab:x', 'b:x')
      await storage.clear()
      expect(await storage.getKeys()).toEqual([])
      await storage.clear()
      expect(await storage.getKeys()).toEqual([])
    })

    it('can be disposed of', async () => {
      await storage.dispose()
    })
  })
}
