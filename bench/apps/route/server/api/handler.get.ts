export default cachedEventHandler(() => listProducts(), { maxAge: 60 })
