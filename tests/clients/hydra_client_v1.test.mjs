// The SDKs of Hydra 1.x, with unprefixed paths and pages by limit and offset: under the name of then and under today's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as old from '@oryd/hydra-client'
import * as last from '@ory/hydra-client-v1'
import { adminUrl, clientCredentials, linked, publicUrl, refused, serviceClient, unique } from './support.mjs'

for (const [name, { AdminApi, PublicApi, Configuration }] of Object.entries({ '@oryd/hydra-client': old, '@ory/hydra-client 1.10': last })) {
    const admin = new AdminApi(new Configuration({ basePath: adminUrl }))
    const introspect = async (token, scope) => (await admin.introspectOAuth2Token(token, scope)).data
    const create = async members => (await admin.createOAuth2Client(serviceClient(members))).data

    test(`${name}: create, get, update and delete a client`, async () => {
        const made = await admin.createOAuth2Client(serviceClient())
        assert.equal(made.status, 201)
        const { client_id: id, client_secret } = made.data
        assert.ok(id && client_secret)
        const { data } = await admin.getOAuth2Client(id)
        assert.deepEqual([data.client_name, data.scope, data.metadata], ['Stock service', 'stock.read stock.write', { team: 'warehouse', size: 7 }])
        assert.equal(data.client_secret, undefined)
        const updated = await admin.updateOAuth2Client(id, serviceClient({ client_name: 'Renamed' }))
        assert.deepEqual([updated.status, updated.data.client_name], [200, 'Renamed'])
        assert.equal((await admin.deleteOAuth2Client(id)).status, 204)
        await refused(admin.deleteOAuth2Client(id), 404)
    })

    test(`${name}: list clients page by page`, async () => {
        const made = new Set()
        for (let i = 0; i < 5; i++) made.add((await create({ owner: unique('owner') })).client_id)
        const seen = []
        for (let offset = 0; offset < 1000; offset += 2) {
            const answer = await admin.listOAuth2Clients(2, offset)
            seen.push(...answer.data.map(client => client.client_id))
            assert.ok(Number(answer.headers['x-total-count']) >= 5)
            const next = linked(answer, 'next')
            if (!next) break
            assert.deepEqual([next.searchParams.get('limit'), next.searchParams.get('offset')], ['2', String(offset + 2)])
        }
        assert.equal(new Set(seen).size, seen.length)
        assert.ok([...made].every(id => seen.includes(id)))
    })

    test(`${name}: introspect, revoke and delete tokens`, async () => {
        const { client_id, client_secret } = await create()
        const token = await clientCredentials(client_id, client_secret, { scope: 'stock.read' })
        const checked = await introspect(token)
        assert.deepEqual([checked.active, checked.client_id, checked.sub, checked.scope], [true, client_id, client_id, 'stock.read'])
        assert.equal((await introspect(token, 'stock.write')).active, false)

        const asClient = new PublicApi(new Configuration({ basePath: publicUrl, username: client_id, password: client_secret }))
        assert.equal((await asClient.revokeOAuth2Token(token)).status, 200)
        assert.equal((await introspect(token)).active, false)

        const another = await clientCredentials(client_id, client_secret)
        assert.equal((await admin.deleteOAuth2Token(client_id)).status, 204)
        assert.equal((await introspect(another)).active, false)
        assert.equal((await admin.flushInactiveOAuth2Tokens({ notAfter: '2020-01-01T00:00:00Z' })).status, 204)
    })

    test(`${name}: a key set from creation to deletion`, async () => {
        const set = unique('set')
        const made = await admin.createJsonWebKeySet(set, { alg: 'RS256', kid: 'first', use: 'sig' })
        assert.equal(made.status, 201)
        const all = (await admin.getJsonWebKeySet(set)).data.keys
        assert.deepEqual(all, made.data.keys)
        const [{ kid }] = all
        assert.deepEqual((await admin.getJsonWebKey(kid, set)).data.keys, [all[0]])
        assert.equal((await admin.updateJsonWebKey(kid, set, { ...all[0], use: 'enc' })).data.use, 'enc')
        await admin.updateJsonWebKeySet(set, { keys: all })
        assert.deepEqual((await admin.getJsonWebKeySet(set)).data.keys, all)
        assert.equal((await admin.deleteJsonWebKey(kid, set)).status, 204)
        assert.equal((await admin.deleteJsonWebKeySet(set)).status, 204)
    })

    test(`${name}: what everybody may read`, async () => {
        const everybody = new PublicApi(new Configuration({ basePath: publicUrl }))
        assert.equal((await everybody.discoverOpenIDConfiguration()).data.jwks_uri, `${publicUrl}/.well-known/jwks.json`)
        assert.ok((await everybody.wellKnown()).data.keys.length > 0)
        assert.equal((await everybody.isInstanceReady()).data.status, 'ok')
        assert.equal((await admin.isInstanceAlive()).data.status, 'ok')
        assert.equal(typeof (await admin.getVersion()).data.version, 'string')
    })
}

test('patch a client', async () => {
    const admin = new last.AdminApi(new last.Configuration({ basePath: adminUrl }))
    const { client_id: id } = (await admin.createOAuth2Client(serviceClient())).data
    const { data } = await admin.patchOAuth2Client(id, [{ op: 'replace', path: '/client_name', value: 'Patched' }])
    assert.deepEqual([data.client_id, data.client_name], [id, 'Patched'])
    assert.equal((await admin.getOAuth2Client(id)).data.client_name, 'Patched')
})
