/**
 * Re-exports of Nitro and h3. No other file of the run time imports them, so a new major version needs changes in one place only.
 * Nitro's app and the cache import each other, so this file must contain only re-exports.
 */
export { default as errorHandler } from '#nitro-internal-virtual/error-handler'
export { getAsset as getPublicAsset, isPublicAssetURL } from '#nitro-internal-virtual/public-assets'
export { defineNitroPlugin, useNitroApp, useRuntimeConfig, useStorage } from 'nitropack/runtime'
export {
  createEvent,
  createRouter,
  defineEventHandler,
  fetchWithEvent,
  getRequestHeader,
  setResponseHeader,
  setResponseStatus,
  splitCookiesString,
} from 'h3'
