// @ory/hydra-client of today: clients, keys, tokens.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Configuration, JwkApi, MetadataApi, OAuth2Api, OidcApi, WellknownApi } from '@ory/hydra-client'
import { adminUrl, clientCredentials, linked, publicUrl, refused, serviceClient, unique } from './support.mjs'

const atAdmin = new Configuration({ basePath: adminUrl })
const atPublic = new Configuration({ basePath: publicUrl })
const oauth2 = new OAuth2Api(atAdmin)
const keys = new JwkApi(atAdmin)

const create = async members => (await oauth2.createOAuth2Client({ oAuth2Client: serviceClient(members) })).data
const introspect = async (token, scope) => (await oauth2.introspectOAuth2Token({ token, scope })).data

test('create and get a client', async () => {
    const made = await oauth2.createOAuth2Client({ oAuth2Client: serviceClient() })
    assert.equal(made.status, 201)
    assert.ok(made.data.client_id && made.data.client_secret)
    const { client_secret, ...shown } = made.data
    const { data } = await oauth2.getOAuth2Client({ id: made.data.client_id })
    assert.equal(data.client_secret, undefined)
    for (const name of ['client_id', 'client_name', 'grant_types', 'scope', 'audience', 'metadata', 'contacts', 'created_at'])
        assert.deepEqual(data[name], shown[name], name)
    assert.deepEqual(data.metadata, { team: 'warehouse', size: 7 })
})

test('update, patch and delete a client', async () => {
    const { client_id: id } = await create({ owner: 'first' })
    const set = await oauth2.setOAuth2Client({ id, oAuth2Client: serviceClient({ client_name: 'Renamed' }) })
    assert.deepEqual([set.data.client_name, set.data.owner], ['Renamed', ''])
    const jsonPatch = [
        { op: 'replace', path: '/client_name', value: 'Patched' },
        { op: 'add', path: '/contacts/-', value: 'more@example.com' },
        { op: 'remove', path: '/metadata/size' },
    ]
    const patched = (await oauth2.patchOAuth2Client({ id, jsonPatch })).data
    assert.equal(patched.client_name, 'Patched')
    assert.deepEqual(patched.contacts, ['ops@example.com', 'more@example.com'])
    assert.deepEqual(patched.metadata, { team: 'warehouse' })
    assert.equal((await oauth2.deleteOAuth2Client({ id })).status, 204)
    assert.ok((await refused(oauth2.getOAuth2Client({ id }), 404)).error)
    await refused(oauth2.deleteOAuth2Client({ id }), 404)
})

test('lifespans of a client', async () => {
    const { client_id: id, client_secret } = await create()
    const oAuth2ClientTokenLifespans = { client_credentials_grant_access_token_lifespan: '90s' }
    const { data } = await oauth2.setOAuth2ClientLifespans({ id, oAuth2ClientTokenLifespans })
    assert.match(data.client_credentials_grant_access_token_lifespan, /^1m30s$/)
    const checked = await introspect(await clientCredentials(id, client_secret))
    assert.equal(checked.exp - checked.iat, 90)
})

test('a client that cannot be', async () => {
    const body = await refused(oauth2.createOAuth2Client({ oAuth2Client: { redirect_uris: ['not a URI'] } }), 400)
    assert.match(body.error, /^invalid_/)
    assert.equal(typeof body.error_description, 'string')
    const { client_id } = await create()
    await refused(oauth2.createOAuth2Client({ oAuth2Client: { client_id } }), 409)
})

test('list clients page by page', async () => {
    const owner = unique('owner')
    const made = []
    for (let i = 0; i < 5; i++) made.push((await create({ owner })).client_id)
    const seen = []
    let pageToken
    for (let page = 0; page < 4; page++) {
        const answer = await oauth2.listOAuth2Clients({ owner, pageSize: 2, pageToken })
        assert.ok(answer.data.length <= 2)
        seen.push(...answer.data.map(client => client.client_id))
        pageToken = linked(answer, 'next')?.searchParams.get('page_token')
        if (!pageToken) break
    }
    assert.deepEqual(seen.sort(), made.sort())
    assert.equal((await oauth2.listOAuth2Clients({ owner, clientName: 'nobody' })).data.length, 0)
})

test('introspect and revoke a token', async () => {
    const { client_id, client_secret } = await create()
    const token = await clientCredentials(client_id, client_secret, { scope: 'stock.read', audience: 'https://stock.example.com' })
    const checked = await introspect(token)
    assert.deepEqual([checked.active, checked.client_id, checked.sub, checked.scope], [true, client_id, client_id, 'stock.read'])
    assert.deepEqual([checked.aud, checked.token_use, checked.iss.replace(/\/$/, '')],
        [['https://stock.example.com'], 'access_token', publicUrl])
    assert.equal((await introspect(token, 'stock.read')).active, true)
    assert.deepEqual(await introspect(token, 'stock.write'), { active: false })

    const asClient = new OAuth2Api(new Configuration({ basePath: publicUrl, username: client_id, password: client_secret }))
    assert.equal((await asClient.revokeOAuth2Token({ token })).status, 200)
    assert.deepEqual(await introspect(token), { active: false })
})

test('delete the tokens of a client', async () => {
    const { client_id: clientId, client_secret } = await create()
    const token = await clientCredentials(clientId, client_secret)
    assert.equal((await oauth2.deleteOAuth2Token({ clientId })).status, 204)
    assert.deepEqual(await introspect(token), { active: false })
})

for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    test(`a set with an ${alg} key from creation to deletion`, async () => {
        const set = unique('set')
        const made = await keys.createJsonWebKeySet({ set, createJsonWebKeySet: { alg, kid: 'first', use: 'sig' } })
        assert.equal(made.status, 201)
        const [key] = made.data.keys
        assert.deepEqual([key.kid, key.alg, key.use], ['first', alg, 'sig'])
        await keys.createJsonWebKeySet({ set, createJsonWebKeySet: { alg, kid: 'second', use: 'sig' } })
        const whole = (await keys.getJsonWebKeySet({ set })).data.keys.map(one => one.kid)
        assert.deepEqual(whole.sort(), ['first', 'second'])
        assert.deepEqual((await keys.getJsonWebKey({ set, kid: 'first' })).data.keys, [key])

        const changed = await keys.setJsonWebKey({ set, kid: 'first', jsonWebKey: { ...key, use: 'enc' } })
        assert.equal(changed.data.use, 'enc')
        assert.equal((await keys.deleteJsonWebKey({ set, kid: 'second' })).status, 204)
        await keys.setJsonWebKeySet({ set, jsonWebKeySet: { keys: [{ ...key, kid: 'third' }] } })
        assert.deepEqual((await keys.getJsonWebKeySet({ set })).data.keys.map(one => one.kid), ['third'])
        assert.equal((await keys.deleteJsonWebKeySet({ set })).status, 204)
        await refused(keys.getJsonWebKeySet({ set }), 404)
    })
}

test('what everybody may read', async () => {
    const { data } = await new OidcApi(atPublic).discoverOidcConfiguration()
    assert.equal(data.jwks_uri, `${publicUrl}/.well-known/jwks.json`)
    const published = (await new WellknownApi(atPublic).discoverJsonWebKeys()).data.keys
    assert.ok(published.length > 0)
    for (const key of published) assert.equal(key.d, undefined)
    const metadata = new MetadataApi(atAdmin)
    assert.equal((await metadata.isReady()).data.status, 'ok')
    assert.equal((await metadata.isAlive()).data.status, 'ok')
    assert.equal(typeof (await metadata.getVersion()).data.version, 'string')
})
