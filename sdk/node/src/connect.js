// The shell for Express, Connect and whoever has the same middleware: fills `req.session`.
'use strict'

const { Door, VISIT } = require('./door')

/**
 * Middleware in place of express-session's. `keys`: the proxy's `node_keys`. `path`: where the proxy finds the
 * endpoint. `maxState`: bytes. `fenceSeconds`: how long requests under way may hold up a session's move to
 * another node. `serializer`: {serialize, deserialize}. Throws TypeError for options that cannot be.
 */
function limpetSession (options = {}) {
  const door = new Door(options)

  function middleware (req, res, next) {
    if (req.session) return next()
    door.enter(req, res, () => attach(req, next))
  }
  middleware.counters = door.counters
  outermost(middleware, door)
  return middleware
}

/**
 * Every answer to the proxy must say a version, those of middleware that comes before the session too. Express
 * tells an app that is mounted whose part it has become, and takes for an app what has `handle` and `set`.
 */
function outermost (middleware, door) {
  middleware.handle = middleware
  middleware.set = () => middleware
  middleware.emit = (event, app) => {
    if (event !== 'mount') return
    const handle = app.handle
    app.handle = function (req, res, done) {
      door.enter(req, res, () => handle.call(app, req, res, done))
    }
  }
}

function attach (req, next) {
  const visit = req[VISIT]
  visit.show = session => {
    req.session = session
    req.sessionID = visit.id
  }
  req.sessionStale = visit.stale
  visit.show(visit.session)
  next()
}

module.exports = { limpetSession }
