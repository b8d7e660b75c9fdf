// The built-in pages as a person meets them: signing in and out, being remembered, refusing, and what is shown when it fails.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { admin, allow, application, check, claims, heading, launch, picture, publicUrl, signIn, signInAt, visitor } from './support.mjs'

let browser, app
before(async () => {
    browser = await launch()
    app = await application(self => ({
        policy_uri: 'https://stock.example.com/privacy', audience: ['https://api.example.com'], post_logout_redirect_uris: [self.url + '/bye'],
    }))
})
after(async () => {
    await browser.close()
    app.close()
})

test('login, consent, and the client has its code', async () => {
    const page = await visitor(browser)
    await page.goto(app.authorize({ scope: 'openid offline profile email stock', audience: 'https://api.example.com' }))
    await check(page, 'login')
    assert.equal(await page.evaluate(() => document.activeElement.id), 'username')
    await signIn(page, 'alice@example.com')

    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    await check(page, 'consent')
    await page.getByLabel('offline').uncheck()
    await allow(page)
    await page.waitForURL(app.callback + '**')
    const { code, scope } = app.last('/callback').query
    assert.equal(scope, 'openid profile email stock')
    const tokens = await app.tokens(code)
    assert.equal(tokens.refresh_token, undefined)
    const { sub, name, email } = claims(tokens.id_token)
    assert.deepEqual([sub, name, email], ['alice@example.com', 'alice@example.com', 'alice@example.com'])
})

test('a name is needed', async () => {
    const page = await visitor(browser)
    await page.goto(app.authorize({ login_hint: 'bob' }))
    assert.equal(await page.getByLabel('User name').inputValue(), 'bob')
    await page.getByLabel('User name').fill('   ')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    page.complaints.length = 0 // Chromium notes the status 400
    await check(page, 'login-problem')
    await signIn(page, 'bob')
    await allow(page)
    await page.waitForURL(app.callback + '**')
})

test('not remembered: the next visit asks again', async () => {
    const page = await visitor(browser)
    await signInAt(page, app, 'carol')
    await page.goto(app.authorize())
    assert.equal(await heading(page), 'Sign in')
})

test('remembered: the next visit goes through, until more is asked for', async () => {
    const page = await visitor(browser)
    await signInAt(page, app, 'dave', true)
    const before = app.last('/callback')
    await page.goto(app.authorize())
    await page.waitForURL(app.callback + '**')
    assert.notEqual(app.last('/callback'), before)

    await page.goto(app.authorize({ scope: 'openid offline stock' }))
    assert.equal(await heading(page), 'Allow access?')
    assert.match(await page.locator('main').textContent(), /dave/)
    await page.goto(app.authorize({ prompt: 'consent' }))
    assert.equal(await heading(page), 'Allow access?')
    await page.goto(app.authorize({ prompt: 'login' }))
    await signIn(page, 'erin')
    await allow(page)
    await page.waitForURL(app.callback + '**')
    assert.equal(claims((await app.tokens(app.last('/callback').query.code)).id_token).sub, 'erin')
})

test('refusing at the login or at the consent', async () => {
    const page = await visitor(browser)
    await page.goto(app.authorize())
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.waitForURL(app.callback + '**')
    assert.equal(app.last('/callback').query.error, 'access_denied')

    await page.goto(app.authorize())
    await signIn(page, 'frank')
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.waitForURL(app.callback + '?error**')
    assert.equal(app.last('/callback').query.error_description.startsWith('The user denied the request.'), true)
})

test('by keyboard alone, without script', async () => {
    const page = await visitor(browser, { javaScriptEnabled: false })
    await page.goto(app.authorize())
    await page.keyboard.type('grace')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    for (let i = 0; i < 4; i++) await page.keyboard.press('Tab') // two scopes, "Remember this", "Allow"
    await page.keyboard.press('Enter')
    await page.waitForURL(app.callback + '**')
    assert.ok(app.last('/callback').query.code)
})

test('back to the client by form_post, with script and without', async () => {
    const page = await visitor(browser)
    await page.goto(app.authorize({ response_mode: 'form_post' }))
    await signIn(page, 'judy')
    await allow(page)
    await page.waitForURL(app.callback)
    assert.ok(app.last('/callback').body.get('code'))
    assert.deepEqual(page.complaints, [])

    const plain = await visitor(browser, { javaScriptEnabled: false })
    await plain.goto(app.authorize({ response_mode: 'form_post' }))
    await plain.getByRole('button', { name: 'Cancel' }).click()
    await plain.getByRole('button', { name: 'Continue' }).waitFor()
    await picture(plain, 'returning')
    await plain.getByRole('button', { name: 'Continue' }).click()
    await plain.waitForURL(app.callback)
    assert.equal(app.last('/callback').body.get('error'), 'access_denied')
})

test('a client that sends the browser on to another origin', async () => {
    const other = await application()
    const page = await visitor(browser)
    app.at('/callback', 302, { location: other.url.replace('127.0.0.1', 'localhost') + '/home' }, '')
    await page.goto(app.authorize())
    await signIn(page, 'heidi')
    await allow(page)
    await page.waitForURL('**/home')
    assert.deepEqual(page.complaints, [])
    app.at('/callback', 200, {}, 'ok')
    other.close()
})

test('back, and decided twice', async () => {
    const page = await visitor(browser)
    await page.goto(app.authorize())
    const login = page.url()
    await signIn(page, 'ivan')
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    const consent = page.url()
    await allow(page)
    await page.waitForURL(app.callback + '**')
    for (const [url, name] of [[login, 'used'], [consent, 'used-consent']]) {
        await page.goto(url)
        assert.equal(await heading(page), 'Already decided')
        page.complaints.length = 0 // the status 410
        await check(page, name)
    }
    await page.getByRole('link', { name: 'Start again' }).click()
    assert.equal(await heading(page), 'Sign in')
})

test('begun under another name, or in another browser', async () => {
    const page = await visitor(browser)
    await page.goto(app.authorize().replace('127.0.0.1', 'localhost'))
    assert.equal(await heading(page), 'Begun in another place')
    page.complaints.length = 0 // the status 403
    await check(page, 'foreign')

    await page.goto(app.authorize())
    const stranger = await visitor(browser)
    await stranger.goto(page.url())
    assert.equal(await heading(stranger), 'Begun in another place')
})

test('a form of another site is refused', async () => {
    const evil = await application()
    const page = await visitor(browser)
    await page.goto(app.authorize())
    const challenge = await page.locator('[name=login_challenge]').getAttribute('value')
    evil.at('/', 200, {}, `<!doctype html><html lang=en><title>x</title><form method=post action="${publicUrl}/oauth2/fallbacks/login">
        <input name=login_challenge value="${challenge}"><input name=username value=mallory><button>go</button></form>`)
    await page.goto(evil.url.replace('127.0.0.1', 'localhost') + '/')
    await page.getByRole('button').click()
    await page.waitForURL(publicUrl + '/**')
    assert.equal(await heading(page), 'Begun in another place')
    evil.close()
})

test('the error page says what to change, and shows nothing as markup', async () => {
    const page = await visitor(browser)
    await page.goto(app.authorize({ redirect_uri: 'http://127.0.0.1:1/elsewhere' }))
    assert.equal(await heading(page), 'This did not work')
    assert.match(await page.locator('main').textContent(), /invalid_request.*grantd update client ID --redirect-uri URL/s)
    page.complaints.length = 0 // the status 500
    await check(page, 'error')

    const bad = '<img src=x onerror=alert(1)>"\'><script>alert(2)</script>{{@footer}}'
    await page.goto(`${publicUrl}/oauth2/fallbacks/error?${new URLSearchParams({ error: bad, error_description: bad, error_hint: bad, error_debug: bad })}`)
    for (let i = 0; i < 4; i++) assert.equal(await page.locator('dd').nth(i).textContent(), bad)
    assert.equal(await page.locator('img, script').count(), 0)
    page.complaints.length = 0
    await check(page, 'error-markup')
})

test('names and scopes are not markup either', async () => {
    const bad = '<b>"&\'</b>{{subject}}'
    const odd = await application({ client_name: bad, scope: 'openid <i>a</i>' })
    const page = await visitor(browser)
    await page.goto(odd.authorize({ scope: 'openid <i>a</i>', login_hint: bad }))
    assert.equal(await page.getByLabel('User name').inputValue(), bad)
    assert.equal(await page.locator('strong').nth(1).textContent(), bad)
    await signIn(page, bad)
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    assert.deepEqual(await page.locator('main p strong').allTextContents(), ['Development consent page.', bad, bad])
    assert.equal(await page.locator('code', { hasText: '<i>a</i>' }).count(), 1)
    assert.equal(await page.locator('b, i').count(), 0)
    odd.close()
})

test('the code of a device', async () => {
    const grant = 'urn:ietf:params:oauth:grant-type:device_code'
    const tv = await admin('POST', '/admin/clients', { client_name: 'TV', grant_types: [grant], scope: 'openid', token_endpoint_auth_method: 'none' })
    const ask = async (path, form) => (await fetch(publicUrl + path, { method: 'POST', body: new URLSearchParams({ client_id: tv.client_id, ...form }) })).json()
    const said = await ask('/oauth2/device/auth', { scope: 'openid' })
    const page = await visitor(browser)
    await page.goto(said.verification_uri_complete)
    assert.equal(await page.getByLabel('Code').inputValue(), said.user_code)
    await page.goto(said.verification_uri)
    await check(page, 'device')
    assert.equal(await page.evaluate(() => document.activeElement.id), 'user_code')
    await page.keyboard.type('no such code')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    page.complaints.length = 0 // Chromium notes the status 400
    await check(page, 'device-problem')
    await page.getByLabel('Code').fill(said.user_code)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await signIn(page, 'heidi')
    await allow(page)
    await page.getByRole('heading', { name: 'Device connected' }).waitFor()
    await check(page, 'device-done')
    const tokens = await ask('/oauth2/token', { grant_type: grant, device_code: said.device_code })
    assert.equal(claims(tokens.id_token).sub, 'heidi')
})

test('pages without a request', async () => {
    const page = await visitor(browser)
    for (const [path, title] of [['login', 'Nothing to decide here'], ['consent', 'Nothing to decide here'], ['logout', 'Nothing to decide here'],
        ['device', 'Nothing to decide here'], ['device/done', 'Device connected'], ['logout/callback', 'You are signed out']]) {
        await page.goto(`${publicUrl}/oauth2/fallbacks/${path}`)
        assert.equal(await heading(page), title)
        await check(page, 'empty-' + path.replace('/', '-'))
    }
})
