export default defineEventHandler(event => ({ tenant: useTenant(event).id }))
