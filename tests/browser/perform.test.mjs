// `grantd perform authorization-code`: the newcomer's first sign-in, with the tokens shown decoded.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allow, check, claims, heading, launch, perform, signIn, visitor } from './support.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

test('shows the tokens, prints them and ends', async () => {
    const demo = await perform('--scope', 'openid,offline,profile')
    const page = await visitor(browser)
    await page.goto(demo.url)
    await check(page, 'perform-start')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await signIn(page, 'alice')
    await allow(page)
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    await check(page, 'perform-tokens')
    assert.match(await page.locator('main').textContent(), /"preferred_username": "alice"/)
    assert.equal(await demo.ended, 0)
    const printed = JSON.parse(demo.out)
    assert.deepEqual(Object.keys(printed).sort(), ['access_token', 'expires_in', 'expiry', 'refresh_token', 'token_type'])
    assert.match(printed.access_token, /^ory_at_/)
})

test('goes on, by form_post, and signs out', async () => {
    const demo = await perform('--no-shutdown', '--response-mode', 'form_post', '--prompt', 'login', '--max-age', '60')
    const page = await visitor(browser)
    for (const name of ['bob', 'carol']) {
        await page.goto(demo.url)
        await page.getByRole('link', { name: 'Sign in' }).click()
        await signIn(page, name, true)
        await allow(page)
        await page.getByRole('heading', { name: 'Signed in' }).waitFor()
        assert.match(await page.locator('main').textContent(), new RegExp(`knows you as ${name}`))
    }
    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    demo.child.kill()
    await demo.ended
    assert.equal(demo.out.trim().split('\n').length, 2)
})

test('shows what goes wrong', async () => {
    const demo = await perform('--scope', 'openid,everything', '--no-shutdown')
    const page = await visitor(browser)
    await page.goto(demo.url + 'perform-flow')
    assert.equal(await heading(page), 'This did not work')
    assert.match(await page.locator('main').textContent(), /invalid_scope.*grantd update client ID --scope/s)
    await page.goto(demo.url + 'callback?code=x&state=not-ours')
    assert.match(await page.locator('main').textContent(), /state_mismatch/)
    demo.child.kill()
    await demo.ended
})
