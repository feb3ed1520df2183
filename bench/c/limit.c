/* The limit of the kernel: one socket, sendmmsg and recvmmsg, and of each reply only what nobody
 * can leave out (which request, from which address, no error, every value's place walked once).
 *
 * Jobs: "get" and "bulk" (SNMP; "request" is the message, "id_at" where its request id of four
 * octets stands), "icmp" (a raw socket, one echo each).
 */
#define _GNU_SOURCE
#include "frame.h"

#include <poll.h>

enum { MOST = 200000, BATCH = 64, SIZE = 8192, WINDOW = 128, ECHOES = 512 };

static struct sockaddr_in to[MOST];
static uint8_t heard[MOST];
static int count, fd, request_size, id_at, icmp;
static uint32_t generation;
static uint8_t request[SIZE], out[BATCH][SIZE], in[BATCH][SIZE];
static struct mmsghdr sending[BATCH], receiving[BATCH];
static struct iovec out_part[BATCH], in_part[BATCH];
static struct sockaddr_in from[BATCH];

static uint16_t checksum(const uint8_t *at, int size) {
    uint32_t sum = 0;
    for (int i = 0; i + 1 < size; i += 2) sum += at[i] << 8 | at[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static void begin(void) {
    char **names, *kind = job_text("kind");
    int port = job_number("port", 0);
    icmp = !strcmp(kind, "icmp");
    count = job_list("addresses", &names);
    if (count > MOST) { errno = E2BIG; die("addresses"); }
    for (int i = 0; i < count; i++) {
        to[i].sin_family = AF_INET;
        to[i].sin_port = htons(icmp ? 0 : port);
        inet_pton(AF_INET, names[i], &to[i].sin_addr);
    }
    if (icmp) {
        request_size = 64;
        request[0] = 8;
    } else {
        request_size = job_octets("request", request, SIZE);
        id_at = job_number("id_at", 0);
    }
    fd = icmp ? socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) : socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");
    receive_buffer(fd, 8 << 20);
    if (icmp) { /* ICMP_FILTER: echo replies alone */
        uint32_t filter = ~1u;
        setsockopt(fd, SOL_RAW, 1, &filter, sizeof filter);
    }
    for (int i = 0; i < BATCH; i++) {
        memcpy(out[i], request, request_size);
        out_part[i] = (struct iovec){out[i], request_size};
        in_part[i] = (struct iovec){in[i], SIZE};
        sending[i].msg_hdr = (struct msghdr){
            .msg_namelen = sizeof to[0], .msg_iov = &out_part[i], .msg_iovlen = 1};
        receiving[i].msg_hdr = (struct msghdr){
            .msg_name = &from[i], .msg_iov = &in_part[i], .msg_iovlen = 1};
    }
}

/* A length at *at, which moves behind it. */
static int length(const uint8_t **at) {
    int size = *(*at)++;
    if (size < 0x80) return size;
    int octets = size & 0x7f;
    for (size = 0; octets--;) size = size << 8 | *(*at)++;
    return size;
}

/* The request id of a reply without an error whose values all end within it; otherwise 0. */
static uint32_t id_of_reply(const uint8_t *at, int size) {
    const uint8_t *end = at + size;
    int inner;
    if (*at++ != 0x30 || at + length(&at) > end) return 0;
    at += 3; /* version */
    at++; inner = length(&at); at += inner; /* community */
    if (*at++ != 0xa2) return 0;
    length(&at);
    at++; inner = length(&at);
    uint32_t id = 0;
    for (; inner--;) id = id << 8 | *at++;
    if (at[2] || at[0] != 2) return 0; /* error-status */
    at += 6;
    at++; length(&at);
    while (at < end) {
        at++; inner = length(&at); /* the binding */
        at++; inner = length(&at); at += inner; /* its name */
        at++; inner = length(&at); at += inner; /* its value */
    }
    return at == end ? id : 0;
}

static int index_of(int i) {
    const uint8_t *data = in[i];
    int size = receiving[i].msg_len;
    uint32_t id;
    if (icmp) {
        int head = (data[0] & 15) * 4;
        if (size < head + 16 || data[head]) return -1;
        memcpy(&id, data + head + 8, 4);
        id = ntohl(id);
    } else {
        id = id_of_reply(data, size);
    }
    uint32_t index = (id & 0x7fffffff) - generation;
    if (index >= (uint32_t)count) return -1;
    return from[i].sin_addr.s_addr == to[index].sin_addr.s_addr ? (int)index : -1;
}

static int fill(int next, int room) {
    int some = room < BATCH ? room : BATCH;
    if (count - next < some) some = count - next;
    for (int i = 0; i < some; i++) {
        uint32_t id = htonl(generation + next + i);
        if (icmp) {
            memcpy(out[i] + 8, &id, 4);
            out[i][2] = out[i][3] = 0;
            uint16_t sum = checksum(out[i], request_size);
            out[i][2] = sum >> 8;
            out[i][3] = sum;
        } else {
            memcpy(out[i] + id_at, &id, 4);
        }
        sending[i].msg_hdr.msg_name = &to[next + i];
    }
    return some;
}

static int one_round(void) {
    int next = 0, measured = 0, window = icmp ? ECHOES : WINDOW;
    generation = 0x10000000 + (generation + MOST) % 0x40000000;
    memset(heard, 0, count);
    double until = wall_s() + 20;
    while (measured < count && wall_s() < until) {
        int some = fill(next, window - (next - measured));
        if (some > 0) {
            int sent = sendmmsg(fd, sending, some, 0);
            if (sent < 0) die("sendmmsg");
            next += sent;
        }
        struct pollfd wait = {fd, POLLIN, 0};
        poll(&wait, 1, 1000);
        for (int got = BATCH; got == BATCH;) {
            for (int i = 0; i < BATCH; i++) receiving[i].msg_hdr.msg_namelen = sizeof from[0];
            got = recvmmsg(fd, receiving, BATCH, MSG_DONTWAIT, NULL);
            for (int i = 0; i < got; i++) {
                int index = index_of(i);
                if (index >= 0 && !heard[index]) heard[index] = 1, measured++;
            }
        }
    }
    return measured;
}

int main(void) { return serve(begin, one_round); }
