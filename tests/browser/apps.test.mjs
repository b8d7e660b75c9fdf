// The login and consent pages of `grantd perform authorization-code`, for a server whose urls.login and urls.consent lead there.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { adminUrl, allow, check, heading, launch, perform, publicUrl, signIn, visitor } from './support.mjs'

let browser, demo
const start = async (...flags) => {
    demo = await perform('-e', adminUrl, '--auth-url', publicUrl + '/oauth2/auth', '--token-url', publicUrl + '/oauth2/token', '--no-shutdown', ...flags)
}
before(async () => { browser = await launch() })
after(() => browser.close())
afterEach(async () => {
    demo.child.kill()
    await demo.ended
})

test('sign in and consent', async () => {
    await start()
    const page = await visitor(browser)
    await page.goto(demo.url + 'perform-flow')
    assert.ok(page.url().startsWith(demo.url + 'login'))
    await check(page, 'perform-login')
    await signIn(page, 'alice')
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    await check(page, 'perform-consent')
    await allow(page)
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    assert.match(await page.locator('main').textContent(), /"baz": "bar"/)
})

test('remembered: asked again without --skip, not asked with it, until the consents are forgotten', async () => {
    await start()
    const page = await visitor(browser)
    await page.goto(demo.url + 'perform-flow')
    await signIn(page, 'bob', true)
    await allow(page, true)
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    await page.goto(demo.url + 'perform-flow')
    assert.equal(await page.getByLabel('User name').inputValue(), 'bob')
    await page.getByLabel('Forget what I allowed before').check()
    await signIn(page, 'bob', true)
    await allow(page)
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
})

test('--skip', async () => {
    await start('--skip')
    const page = await visitor(browser)
    await page.goto(demo.url + 'perform-flow')
    await signIn(page, 'carol', true)
    await allow(page, true)
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    await page.goto(demo.url + 'perform-flow')
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    assert.match(await page.locator('main').textContent(), /knows you as carol/)
})

test('refusing', async () => {
    await start('--prompt', 'login')
    const page = await visitor(browser)
    await page.goto(demo.url + 'perform-flow')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('access_denied').waitFor()
    await page.goto(demo.url + 'perform-flow')
    await signIn(page, 'dave')
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.getByText('access_denied').waitFor()
})

test('a challenge that does not hold', async () => {
    await start()
    const page = await visitor(browser)
    await page.goto(demo.url + 'login')
    assert.equal(await heading(page), 'Nothing to decide here')
    await page.goto(demo.url + 'consent?consent_challenge=nonsense')
    assert.equal(await heading(page), 'This did not work')
})
