// What must compile: an app as TypeScript developers write it.
import express from 'express'
import limpetSession, { SessionTooLarge } from 'limpet-session'

declare module 'limpet-session' {
  interface SessionData {
    user: string
    visits: number
  }
}

const app = express()
const session = limpetSession({ keys: ['a-shared-secret'], maxState: 1 << 16, serializer: { serialize: JSON.stringify, deserialize: state => JSON.parse(state.toString()) } })
app.use(session)
app.get('/', (req, res, next) => {
  req.session.visits = (req.session.visits ?? 0) + 1
  req.session.regenerate(error => {
    if (error instanceof SessionTooLarge) return next(error)
    req.session.user = req.sessionID + req.session.id
    req.session.save(error => error ? next(error) : res.json([req.session, session.counters.saved, req.sessionStale]))
  })
})
// @ts-expect-error: not what SessionData says
app.get('/wrong', req => { req.session.user = 5 })
// @ts-expect-error: keys are a list
limpetSession({ keys: 'one' })
