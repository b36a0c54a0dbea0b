import { ReshardError } from './errors'
import type { ShardsSettings } from '../runtime/server/shards/settings'
import { literal, textArray } from './session'

/** The ids that the slot function must recognise. */
export interface WantedSlots {
  slots: readonly number[]
  /** Number of all slots. */
  count: number
  /** Region prefixes of ids, in lower case. They determine the shard of an id. */
  prefixes: readonly string[]
  /** Ids that the map assigns to a shard one by one. */
  overrides: readonly string[]
}

/**
 * Describes the ids of some slots as the resolver does: an id with an override or a region prefix does not belong to a slot.
 *
 * @throws ReshardError if a region name is not ASCII, because databases may convert its case differently
 */
export function wantedSlots(settings: ShardsSettings, slots: readonly number[]): WantedSlots {
  const prefixes = [...settings.regions.keys()]
  // eslint-disable-next-line no-control-regex -- all of ASCII
  const odd = prefixes.find(prefix => !/^[\u0000-\u007F]*$/.test(prefix))
  if (odd !== undefined) {
    throw new ReshardError(`The region ${JSON.stringify(odd)} of scale.shards.regions must contain only ASCII characters, `
      + 'because databases may convert the case of others differently: rename it before you move rows.')
  }
  return { slots, count: settings.slotMap.owners.length, prefixes, overrides: [...settings.slotMap.overrides.keys()] }
}

/**
 * SQL that creates `murmur3(bytea)` and `slot(text)`. `slot` returns the slot of an id, or NULL if it is not one of the wanted slots.
 * The hash is the same as in TypeScript, so that a trigger can find the slot of a row.
 *
 * @param names names of the two functions, with their schema
 */
export function slotFunctions({ slots, count, prefixes, overrides }: WantedSlots, names: { murmur3: string, slot: string }): string {
  return `${murmur3Function(names.murmur3)};
create or replace function ${names.slot}(id text) returns integer language plpgsql immutable parallel safe as ${literal(`
declare
  slot integer;
begin
  if id is null or id = '' or id = any(${textArray(overrides)}) then return null; end if;
  -- The Kelvin sign is the one letter beyond ASCII whose lower case is in ASCII.
  if strpos(id, '-') > 1 and lower(translate(split_part(id, '-', 1), U&'\\212A', 'k') collate "C")
    = any(${textArray(prefixes)}) then return null; end if;
  slot := ${names.murmur3}(convert_to(id, 'UTF8')) % ${count};
  if get_bit('\\x${bitmap(slots, count)}'::bytea, slot) = 1 then return slot; end if;
  return null;
end
`)}`
}

/** A set of slots as a hexadecimal bit mask, in the bit order of a PostgreSQL bytea. */
function bitmap(slots: readonly number[], count: number): string {
  const bytes = Buffer.alloc(Math.ceil(count / 8))
  for (const slot of slots) bytes[slot >> 3]! |= 1 << (slot & 7)
  return bytes.toString('hex')
}

/** MurmurHash3 in SQL. Products are computed in two halves, because bigint is signed. */
function murmur3Function(name: string): string {
  const imul = (value: string, factor: number) => {
    const [low, high] = [factor & 0xFFFF, factor >>> 16]
    return `((${value} * ${low} + (((${value} * ${high}) & 65535) << 16)) & 4294967295)`
  }
  const scramble = `block := ${imul('block', 0xCC9E2D51)};
    block := ((block << 15) | (block >> 17)) & 4294967295;
    block := ${imul('block', 0x1B873593)};`
  return `create or replace function ${name}(bytes bytea) returns bigint language plpgsql immutable strict parallel safe as ${literal(`
declare
  size integer := octet_length(bytes);
  whole integer := (size / 4) * 4;
  hash bigint := 0;
  block bigint;
  place integer := 0;
begin
  while place < whole loop
    block := get_byte(bytes, place) | (get_byte(bytes, place + 1) << 8) | (get_byte(bytes, place + 2) << 16)
      | (get_byte(bytes, place + 3)::bigint << 24);
    ${scramble}
    hash := hash # block;
    hash := ((((hash << 13) | (hash >> 19)) & 4294967295) * 5 + 3864292196) & 4294967295;
    place := place + 4;
  end loop;
  if place < size then
    block := 0;
    while place < size loop
      block := block | (get_byte(bytes, place)::bigint << (8 * (place - whole)));
      place := place + 1;
    end loop;
    ${scramble}
    hash := hash # block;
  end if;
  hash := hash # size;
  hash := hash # (hash >> 16);
  hash := ${imul('hash', 0x85EBCA6B)};
  hash := hash # (hash >> 13);
  hash := ${imul('hash', 0xC2B2AE35)};
  return hash # (hash >> 16);
end
`)}`
}
