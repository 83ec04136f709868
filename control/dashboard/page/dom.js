// Elements, keyed rows and numbers as text. Nothing is ever parsed as HTML.

const SVG = 'http://www.w3.org/2000/svg'

export const by = id => document.getElementById(id)

export function el (tag, attributes = {}, ...children) {
  return dressed(document.createElement(tag), attributes, children)
}

export function svg (tag, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, tag), attributes, children)
}

function dressed (element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children)
  return element
}

// What is the same stays untouched: focus, selection and a button under a finger outlive the next second.
export function text (element, value) {
  if (element.textContent !== value) element.textContent = value
}

// The children of `parent` in the order of `items`, each made once for its key, and filled each time.
export function keyed (parent, items, key, make, fill) {
  const known = new Map([...parent.children].map(child => [child.dataset.key, child]))
  let before = null
  for (const item of items) {
    const name = key(item)
    let child = known.get(name)
    known.delete(name)
    if (!child) {
      child = make(item)
      child.dataset.key = name
    }
    const place = before ? before.nextSibling : parent.firstChild
    if (place !== child) parent.insertBefore(child, place)
    fill(child, item)
    before = child
  }
  for (const gone of known.values()) gone.remove()
}

export function cell (label, className = '') {
  return el('td', { 'data-label': label, class: className || null })
}

export function number (value) {
  if (value === null || value === undefined) return '–'
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`
  if (value >= 1e5) return `${Math.round(value / 1e3)}k`
  return value.toLocaleString('en')
}

export function rate (value) {
  return value > 0 && value < 10 ? value.toFixed(1) : number(Math.round(value))
}

export function milliseconds (value) {
  if (value === null || value === undefined) return '–'
  return value < 10 ? `${value.toFixed(1)} ms` : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

export function bytes (value) {
  if (value === null || value === undefined) return '–'
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 10000) return `${Math.round(value)} ${unit}`
    value /= 1000
  }
  return `${Math.round(value)} TB`
}

export function lasting (seconds) {
  for (const [size, unit] of [[86400, 'd'], [3600, 'h'], [60, 'm']]) {
    if (seconds >= size) return `${Math.floor(seconds / size)}${unit}`
  }
  return `${Math.max(0, Math.floor(seconds))}s`
}

export const STATES = { up: '●', down: '✕', drain: '◐', maint: '◌', syncing: '↻' }

export function colour (index) {
  return index < 8 ? `var(--c${index})` : `hsl(${Math.round(index * 137.5) % 360} 45% 55%)`
}

// The JSON that is answered; an Error with the server's own words where that is a refusal.
export async function ask (path, body) {
  const options = body === undefined
    ? {}
    : { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
  const answer = await fetch(path, options)
  const content = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Error(content.error || `Limpet answered ${answer.status}`)
  return content
}
