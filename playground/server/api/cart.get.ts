export default defineEventHandler(() => ({ items: [], total: 0 }))
