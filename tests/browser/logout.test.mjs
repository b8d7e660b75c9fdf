// Signing out where two applications have the user: one hears of it through the browser, one behind its back.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { application, check, claims, heading, launch, picture, publicUrl, signInAt, visitor } from './support.mjs'

let browser, front, back
before(async () => {
    browser = await launch()
    front = await application(self => ({ client_name: 'Front', frontchannel_logout_uri: self.url + '/front', post_logout_redirect_uris: [self.url + '/bye'] }))
    back = await application(self => ({ client_name: 'Back', backchannel_logout_uri: self.url + '/back' }))
})
after(async () => {
    await browser.close()
    front.close()
    back.close()
})

// Signs one user in at both; returns the page and the session.
async function signedIn(name) {
    const page = await visitor(browser)
    const first = await front.tokens((await signInAt(page, front, name, true)).code)
    await page.goto(back.authorize())
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(back.callback + '**')
    const second = await back.tokens(back.last('/callback').query.code)
    assert.equal(claims(first.id_token).sid, claims(second.id_token).sid)
    front.seen.length = back.seen.length = 0
    return { page, sid: claims(first.id_token).sid, hint: first.id_token }
}

async function bothWereTold(sid) {
    const { query } = await front.until('/front')
    assert.equal(query.sid, sid)
    assert.equal(new URL(query.iss).origin, publicUrl)
    const told = claims((await back.until('/back')).body.get('logout_token'))
    assert.equal(told.sid, sid)
    assert.deepEqual(told.aud, [back.client.client_id])
}

test('the user signs out', async () => {
    const { page, sid } = await signedIn('alice')
    await page.goto(publicUrl + '/oauth2/sessions/logout')
    await check(page, 'logout')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL('**/oauth2/fallbacks/logout/callback')
    assert.equal(await heading(page), 'You are signed out')
    await check(page, 'signed-out')
    await bothWereTold(sid)
    await page.goto(front.authorize())
    assert.equal(await heading(page), 'Sign in')
})

test('the page in between, while an application is slow', async () => {
    const { page } = await signedIn('dave')
    await page.route(front.url + '/front**', async route => { await new Promise(done => setTimeout(done, 3000)); await route.continue() })
    await page.goto(publicUrl + '/oauth2/sessions/logout')
    await page.getByRole('button', { name: 'Sign out' }).click({ noWaitAfter: true })
    await page.getByRole('status').waitFor()
    await picture(page, 'signing-out')
    await page.waitForURL('**/oauth2/fallbacks/logout/callback')
})

test('a client signs the user out, and gets the browser back', async () => {
    const { page, sid, hint } = await signedIn('bob')
    const query = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: front.url + '/bye', state: 'back-with-you' })
    await page.goto(`${publicUrl}/oauth2/sessions/logout?${query}`)
    assert.match(await page.locator('main').textContent(), /Front asks to sign bob out/)
    await check(page, 'logout-client')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(front.url + '/bye**')
    assert.equal(front.last('/bye').query.state, 'back-with-you')
    await bothWereTold(sid)
})

test('the user stays', async () => {
    const { page } = await signedIn('carol')
    await page.goto(publicUrl + '/oauth2/sessions/logout')
    await page.getByRole('button', { name: 'Stay signed in' }).click()
    await page.getByRole('heading', { name: 'You are still signed in' }).waitFor()
    await check(page, 'stayed')
    await page.goto(front.authorize())
    await page.waitForURL(front.callback + '**')
    assert.deepEqual([front.last('/front'), back.last('/back')], [undefined, undefined])
})
