/**
 * The bridge to Nitro and h3: the only file of the run time that imports them, so that another major of either
 * is a change in one place. Nitro's app imports the cache and the cache imports Nitro, in a circle,
 * so nothing here is more than a re-export.
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
