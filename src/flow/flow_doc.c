/* A flow as JSON, the way it stands in a grant's column `request`. Short names: rows are many. Absent members are empty. */
#include "base/doc.h"
#include "flow/flow.h"

/* clang-format off */
#define SAID(name, kind, member) DOC_ROW(name, kind, struct rejection, member)
static const struct doc_member rejection_members[] = {
    SAID("error",       DOC_STR, error),
    SAID("description", DOC_STR, description),
    SAID("hint",        DOC_STR, hint),
    SAID("debug",       DOC_STR, debug),
    SAID("status",      DOC_INT, status),
};
static const struct doc rejection_doc = DOC_OF(struct rejection, rejection_members);

#define ROW(name, kind, member) DOC_ROW(name, kind, struct flow, member)
#define REJECTION(name, member) DOC_PART_ROW(name, struct flow, member, &rejection_doc)
static const struct doc_member members[] = {
    ROW("q",   DOC_STR,  request),
    ROW("d",   DOC_BOOL, device),
    ROW("dg",  DOC_STR,  device_id),
    ROW("sk",  DOC_BOOL, skip),
    ROW("au",  DOC_INT,  authenticated_at),
    ROW("lc",  DOC_STR,  login_csrf),
    ROW("rm",  DOC_BOOL, remember),
    ROW("ex",  DOC_BOOL, extend_session),
    ROW("rf",  DOC_INT,  remember_for),
    ROW("acr", DOC_STR,  acr),
    ROW("amr", DOC_STRS, amr),
    ROW("ctx", DOC_JSON, context),
    ROW("fs",  DOC_STR,  forced_subject),
    ROW("idp", DOC_STR,  idp_session_id),
    REJECTION("rej",     rejection),
    ROW("cs",  DOC_BOOL, consent_skip),
    ROW("cc",  DOC_STR,  consent_csrf),
    ROW("cf",  DOC_INT,  consent_remember_for),
    ROW("cx",  DOC_JSON, consent_context),
    REJECTION("cr",      consent_rejection),
};
/* clang-format on */
static const struct doc flow_doc = DOC_OF(struct flow, members);

struct str flow_encode(struct arena *a, const struct flow *f) { return doc_write(a, &flow_doc, f); }

bool flow_decode(struct arena *a, struct str json, struct flow *ret, struct err *e)
{
    ENSURE(doc_read(a, &flow_doc, json, ret), e, SERVER_ERROR, "A stored authorization cannot be read.");
    return true;
}
