import { parse, stringify } from 'devalue'
import type { CacheOptions, CacheSerializer } from './types'

const json: CacheSerializer = {
  codec: 'j',
  // JSON.stringify returns undefined for a value that JSON cannot represent. The engine does not store such a value.
  encode: value => JSON.stringify(value),
  decode: payload => JSON.parse(payload.toString()),
}

const devalue: CacheSerializer = {
  codec: 'd',
  encode: value => stringify(value),
  decode: payload => parse(payload.toString()),
}

/**
 * Returns the serializer of a call; JSON by default.
 *
 * @throws TypeError when the name is unknown, or the object lacks `codec`, `encode` or `decode`
 */
export function resolveSerializer(serializer: CacheOptions['serializer']): CacheSerializer {
  if (serializer === undefined || serializer === 'json') return json
  if (serializer === 'devalue') return devalue
  const { codec, encode, decode } = Object(serializer) as Partial<CacheSerializer>
  if (!/^[a-z]$/i.test(String(codec)) || typeof encode !== 'function' || typeof decode !== 'function') {
    throw new TypeError(`The cache option serializer is ${JSON.stringify(serializer)}: `
      + 'write \'json\', \'devalue\' or an object with codec (one letter), encode and decode.')
  }
  return serializer
}

/**
 * Decodes the payload of a stored entry.
 * JSON is the usual case; it is read from the reply directly, without a `subarray` in between.
 */
export function decodePayload(serializer: CacheSerializer, bytes: Buffer, start: number): unknown {
  return serializer === json ? JSON.parse(bytes.toString('utf8', start)) : serializer.decode(bytes.subarray(start))
}
