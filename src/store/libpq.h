/* libpq, loaded at the first connection: who keeps the data in a file does not carry it. Functions without their prefix:
 * pq.connectdbParams is PQconnectdbParams. */
#ifndef STORE_LIBPQ_H
#define STORE_LIBPQ_H

#include <libpq-fe.h>

#include "base/err.h"

/* clang-format off */
#define PQ_FUNCTIONS(X) \
    X(clear) X(cmdStatus) X(cmdTuples) X(conninfoFree) X(conninfoParse) X(conndefaults) X(connectdbParams) X(consumeInput) \
    X(enterPipelineMode) X(errorMessage) X(exec) X(exitPipelineMode) X(finish) X(flush) X(getResult) X(getisnull) \
    X(getlength) X(getvalue) X(isBusy) X(nfields) X(ntuples) X(parameterStatus) X(pipelineSync) X(resultErrorField) \
    X(resultStatus) X(sendPrepare) X(sendQueryParams) X(sendQueryPrepared) X(setNoticeProcessor) X(setnonblocking) X(socket) \
    X(status)
/* clang-format on */

#define X(name) __typeof__(&PQ##name) name;
struct pq {
    PQ_FUNCTIONS(X)
};
#undef X
extern struct pq pq;

/* Fails with MISCONFIGURATION when the system has no libpq. */
MUST_USE bool pq_load(struct err *e);

#endif
