// Chromium, the server under test, applications that sign people in, and what holds for every page.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export const publicUrl = process.env.PUBLIC_URL
export const adminUrl = process.env.ADMIN_URL
const screens = process.env.SCREENS

export const launch = () => chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
})

// A browser of its own: cookies begin empty. Complaints of the page (a violated policy is one) fail the test by `check`.
export async function visitor(browser, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(20000)
    page.complaints = []
    page.on('console', message => ['error', 'warning'].includes(message.type()) && page.complaints.push(message.text()))
    page.on('pageerror', problem => page.complaints.push(String(problem)))
    page.on('dialog', dialog => { page.complaints.push('dialog'); dialog.dismiss() })
    return page
}

// ---- clients ----

export async function admin(method, path, body) {
    const answer = await fetch(adminUrl + path, { method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json' } })
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`)
    return answer.status === 204 ? undefined : answer.json()
}

// An application: a client of the server, and where the browser comes back to. `at(path)` answers a path of its own.
export async function application(members = {}) {
    const seen = []
    const answers = new Map()
    const listener = createServer(async (request, response) => {
        let body = ''
        for await (const chunk of request) body += chunk
        const url = new URL(request.url, app.url)
        seen.push({ path: url.pathname, query: Object.fromEntries(url.searchParams), body: new URLSearchParams(body) })
        const [status, headers, text] = answers.get(url.pathname) ?? [200, {}, `<!doctype html><html lang=en><title>app</title><p>${url.pathname}`]
        response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(text)
    })
    await once(listener.listen(0, '127.0.0.1'), 'listening')
    const app = { url: `http://127.0.0.1:${listener.address().port}`, seen, at: (path, ...answer) => answers.set(path, answer) }
    app.callback = app.url + '/callback'
    const of = typeof members === 'function' ? members(app) : members
    app.client = await admin('POST', '/admin/clients', {
        client_name: 'Stock of wonders', redirect_uris: [app.callback], grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'], scope: 'openid offline profile email stock', ...of,
    })
    app.authorize = (query = {}) => {
        const all = { client_id: app.client.client_id, response_type: 'code', scope: 'openid offline', redirect_uri: app.callback, state: randomUUID(), ...query }
        return `${publicUrl}/oauth2/auth?${new URLSearchParams(all)}`
    }
    // What came to `path` last.
    app.last = path => seen.filter(r => r.path === path).at(-1)
    app.until = async (path, tries = 200) => {
        while (!app.last(path) && tries-- > 0) await new Promise(done => setTimeout(done, 50))
        return app.last(path)
    }
    app.tokens = async code => {
        const answer = await fetch(publicUrl + '/oauth2/token', {
            method: 'POST',
            headers: { authorization: 'Basic ' + Buffer.from(`${app.client.client_id}:${app.client.client_secret}`).toString('base64') },
            body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: app.callback }),
        })
        assert.equal(answer.status, 200)
        return answer.json()
    }
    app.close = () => listener.close()
    return app
}

export const claims = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))

// ---- the pages ----

export const heading = page => page.locator('h1').textContent()

export async function signIn(page, name, remember = false) {
    assert.equal(await heading(page), 'Sign in')
    await page.getByLabel('User name').fill(name)
    if (remember) await page.getByLabel('Remember me').check()
    await page.getByRole('button', { name: 'Sign in' }).click()
}

export async function allow(page, remember = false) {
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    if (remember) await page.getByLabel('Remember this').check()
    await page.getByRole('button', { name: 'Allow' }).click()
}

export async function signInAt(page, app, name, remember = false, query = {}) {
    await page.goto(app.authorize(query))
    await signIn(page, name, remember)
    await allow(page, remember)
    await page.waitForURL(app.callback + '**')
    return app.last('/callback').query
}

// WCAG 2: contrast of every text with what is behind it.
function contrasts() {
    const parse = color => color.match(/[\d.]+/g).map(Number)
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
    const behind = element => {
        for (; element; element = element.parentElement) {
            const color = parse(getComputedStyle(element).backgroundColor)
            if ((color[3] ?? 1) === 1) return color
        }
        return [255, 255, 255]
    }
    const found = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement
        if (!walker.currentNode.data.trim()) continue
        const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x)
        found.push({ text: walker.currentNode.data.trim().slice(0, 40), ratio: (a + 0.05) / (b + 0.05) })
    }
    return found
}

export const picture = (page, name) => page.screenshot({ path: join(screens, name + '.png'), fullPage: true })

// What every page keeps, in light and dark, on a desk and on a phone, at twice the size; and its pictures.
export async function check(page, name) {
    assert.equal(await page.locator('html').getAttribute('lang'), 'en')
    assert.equal(await page.locator('h1').count(), 1)
    assert.notEqual(await page.title(), '')
    const fields = page.locator('input:not([type=hidden])')
    for (let i = 0; i < await fields.count(); i++)
        assert.ok(await fields.nth(i).evaluate(field => field.labels.length > 0 && field.labels[0].textContent.trim() !== ''))
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme })
        for (const { text, ratio } of await page.evaluate(contrasts)) assert.ok(ratio >= 4.5, `${name} ${colorScheme}: "${text}" has ${ratio}`)
        await picture(page, `${name}-${colorScheme}`)
    }
    await page.emulateMedia({ colorScheme: 'light' })
    for (const [width, size] of [[360, 'phone'], [500, 'zoomed']]) { // 1000 pixels at 200 % are 500
        await page.setViewportSize({ width, height: 700 })
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than ${width}`)
        if (size === 'phone') await picture(page, `${name}-phone`)
    }
    await page.setViewportSize({ width: 1000, height: 800 })
    assert.deepEqual(page.complaints, [], name)
}

// ---- the command line ----

// `grantd perform authorization-code` as a client of its own, ready for a browser. One at a time: they share a port.
export async function perform(...flags) {
    const port = process.env.PORT
    const url = `http://127.0.0.1:${port}/`
    const client = await admin('POST', '/admin/clients', {
        client_name: 'Demo', redirect_uris: [url + 'callback'], grant_types: ['authorization_code', 'refresh_token'],
        scope: 'openid offline profile email',
    })
    const child = spawn(process.env.GRANTD, ['perform', 'authorization-code', '--client-id', client.client_id,
        '--client-secret', client.client_secret, '-p', port, '--no-open', '--format', 'json', '-e', publicUrl, ...flags])
    const running = { url, client, out: '', child, ended: once(child, 'close').then(([code]) => code) }
    child.stdout.on('data', data => { running.out += data })
    for await (const data of child.stderr) if (String(data).includes(url)) break
    return running
}
