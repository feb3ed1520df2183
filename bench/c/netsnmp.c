/* net-snmp's library, asynchronously: a session (and so a socket) kept for each device, epoll, so
 * many requests under way at once. Job "get": scalars; "bulk": columns, "rows" and one more.
 */
#include "frame.h"

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/large_fd_set.h>
#include <sys/epoll.h>

enum { MOST = 10000, WINDOW = 128, OIDS = 64 };

static void *session[MOST];
static int socket_of[MOST], count, epoll, oid_count, bulk, rows, measured, under_way, wrong;
static oid names[OIDS][MAX_OID_LEN];
static size_t name_size[OIDS];

static int answered(int operation, netsnmp_session *one, int id, netsnmp_pdu *pdu, void *magic) {
    (void)one, (void)id, (void)magic;
    under_way--;
    int wanted = bulk ? (rows + 1) * oid_count : oid_count, values = 0;
    if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && pdu->errstat == SNMP_ERR_NOERROR)
        for (netsnmp_variable_list *at = pdu->variables; at; at = at->next_variable) values++;
    if (values == wanted) measured++;
    else wrong++;
    return 1;
}

static void begin(void) {
    char **addresses, **oids, peer[64], *kind = job_text("kind"), *community = job_text("community");
    int port = job_number("port", 161);
    bulk = !strcmp(kind, "bulk");
    rows = job_number("rows", 0);
    setenv("MIBS", "", 1);
    setenv("SNMPCONFPATH", "/nonexistent", 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    init_snmp("bench");
    oid_count = job_list("oids", &oids);
    for (int i = 0; i < oid_count; i++) {
        name_size[i] = MAX_OID_LEN;
        if (!read_objid(oids[i], names[i], &name_size[i])) die(oids[i]);
    }
    count = job_list("addresses", &addresses);
    if (count > MOST) { errno = E2BIG; die("addresses"); }
    epoll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        netsnmp_session like;
        snmp_sess_init(&like);
        snprintf(peer, sizeof peer, "udp:%s:%d", addresses[i], port);
        like.peername = peer;
        like.version = SNMP_VERSION_2c;
        like.community = (u_char *)community;
        like.community_len = strlen(community);
        like.timeout = 5000000;
        if (!(session[i] = snmp_sess_open(&like))) die(peer);
        socket_of[i] = snmp_sess_transport(session[i])->sock;
        struct epoll_event event = {EPOLLIN, {.u32 = i}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket_of[i], &event);
    }
}

static void ask(int i) {
    netsnmp_pdu *pdu = snmp_pdu_create(bulk ? SNMP_MSG_GETBULK : SNMP_MSG_GET);
    if (bulk) pdu->non_repeaters = 0, pdu->max_repetitions = rows + 1;
    for (int n = 0; n < oid_count; n++) snmp_add_null_var(pdu, names[n], name_size[n]);
    if (!snmp_sess_async_send(session[i], pdu, answered, NULL)) die("snmp_sess_async_send");
    under_way++;
}

static int one_round(void) {
    static netsnmp_large_fd_set ready;
    struct epoll_event events[64];
    int next = 0;
    measured = wrong = under_way = 0;
    if (!ready.lfs_setptr) netsnmp_large_fd_set_init(&ready, MOST + 64);
    double until = wall_s() + 20;
    while (measured + wrong < count && wall_s() < until) {
        while (next < count && under_way < WINDOW) ask(next++);
        int some = epoll_wait(epoll, events, 64, 1000);
        for (int n = 0; n < some; n++) {
            int i = events[n].data.u32;
            netsnmp_large_fd_setfd(socket_of[i], &ready);
            snmp_sess_read2(session[i], &ready);
            netsnmp_large_fd_clr(socket_of[i], &ready);
        }
    }
    return measured;
}

int main(void) { return serve(begin, one_round); }
