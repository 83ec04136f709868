// The app of docs/contract.md's exchanges, on Node.js's own server. It says its port on its first line.
'use strict'

const http = require('node:http')
const limpetSession = require('../../sdk/node')

const session = limpetSession({
  keys: ['another-secret', 'a-shared-secret'],
  clock: () => 0,
  newId: () => 'W8sN2uJhD4gQx6yVaC1oEg'
})

const server = http.createServer((req, res) => session(req, res, () => {
  const { pathname, searchParams } = new URL(req.url, 'http://any')
  const told = data => {
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify(data))
  }
  const put = () => told(Object.assign(req.session, Object.fromEntries(searchParams)))
  switch (pathname) {
    case '/set': return put()
    case '/sizes': return told(Object.fromEntries(Object.entries(req.session).map(([key, { length }]) => [key, length])))
    case '/logout': return req.session.destroy(() => told({}))
    case '/login': {
      const kept = { ...req.session }
      return req.session.regenerate(() => {
        Object.assign(req.session, kept)
        put()
      })
    }
    default: return told(req.session)
  }
}))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
