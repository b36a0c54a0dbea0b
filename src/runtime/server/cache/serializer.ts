import { parse, stringify } from 'devalue'
import type { CacheOptions, CacheSerializer } from './types'

const json: CacheSerializer = {
  codec: 'j',
  // JSON.stringify gives undefined for what JSON cannot hold; the engine reads that as «not to be stored».
  encode: value => JSON.stringify(value),
  decode: payload => JSON.parse(payload.toString()),
}

const devalue: CacheSerializer = {
  codec: 'd',
  encode: value => stringify(value),
  decode: payload => parse(payload.toString()),
}

/**
 * The serializer that a call names; JSON when it names none.
 *
 * @throws TypeError when there is no such serializer, or a part of it is missing
 */
export function resolveSerializer(serializer: CacheOptions['serializer']): CacheSerializer {
  if (serializer === undefined || serializer === 'json') return json
  if (serializer === 'devalue') return devalue
  const { codec, encode, decode } = Object(serializer) as Partial<CacheSerializer>
  if (!/^[a-z]$/i.test(String(codec)) || typeof encode !== 'function' || typeof decode !== 'function') {
    throw new TypeError(`The cache option serializer is ${JSON.stringify(serializer)}: write 'json', 'devalue' or an object of codec (one letter), encode and decode.`)
  }
  return serializer
}

/**
 * The value in a stored entry.
 * JSON, which nearly every entry is, is cut out of the reply without a view in between.
 */
export function decodePayload(serializer: CacheSerializer, bytes: Buffer, start: number): unknown {
  return serializer === json ? JSON.parse(bytes.toString('utf8', start)) : serializer.decode(bytes.subarray(start))
}
