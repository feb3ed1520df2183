/* The frame of every C poller: a job comes in as one line of JSON, then a round for each line.
 *
 * The same words as bench/pollers/loop.py. Only what these programs need of JSON is read: strings
 * without escapes, lists of them, whole numbers.
 */
#ifndef FRAME_H
#define FRAME_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char *frame_job;

static void die(const char *why) {
    fprintf(stderr, "%s: %s\n", why, strerror(errno));
    exit(1);
}

static char *find_key(const char *key) {
    char name[64];
    snprintf(name, sizeof name, "\"%s\": ", key);
    char *at = strstr(frame_job, name);
    return at ? at + strlen(name) : NULL;
}

static inline long job_number(const char *key, long otherwise) {
    char *at = find_key(key);
    return at ? atol(at) : otherwise;
}

/* The string of a key, allocated; NULL where there is none. */
static inline char *job_text(const char *key) {
    char *at = find_key(key);
    if (!at || *at != '"') return NULL;
    char *end = strchr(at + 1, '"');
    return strndup(at + 1, end - at - 1);
}

/* The strings of a list, allocated; how many. */
static inline int job_list(const char *key, char ***found) {
    char *at = find_key(key);
    int count = 0, room = 0;
    *found = NULL;
    if (!at || *at != '[') return 0;
    char *end = strchr(at, ']');
    while ((at = strchr(at, '"')) && at < end) {
        char *close = strchr(at + 1, '"');
        if (count == room) *found = realloc(*found, (room = room ? 2 * room : 64) * sizeof(char *));
        (*found)[count++] = strndup(at + 1, close - at - 1);
        at = close + 1;
    }
    return count;
}

/* Octets written as hexadecimal digits under a key; how many. */
static inline int job_octets(const char *key, uint8_t *into, int most) {
    char *text = job_text(key);
    int size = text ? (int)strlen(text) / 2 : 0;
    if (size > most) { errno = EMSGSIZE; die(key); }
    for (int i = 0; i < size; i++) sscanf(text + 2 * i, "%2hhx", &into[i]);
    free(text);
    return size;
}

static double wall_s(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static double cpu_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec
         + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Reads the job, then runs one_round for every line; it returns how many devices it measured. */
static int serve(void (*begin)(void), int (*one_round)(void)) {
    size_t room = 0;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (getline(&frame_job, &room, stdin) < 0) die("no job");
    begin();
    printf("{\"ready\": true}\n");
    fflush(stdout);
    char *line = NULL;
    size_t line_room = 0;
    while (getline(&line, &line_room, stdin) > 0) {
        double wall = wall_s(), cpu = cpu_s();
        int count = one_round();
        cpu = cpu_s() - cpu;
        wall = wall_s() - wall;
        printf("{\"cpu_s\": %.9f, \"wall_s\": %.9f, \"count\": %d}\n", cpu, wall, count);
        fflush(stdout);
    }
    return 0;
}

static inline void receive_buffer(int fd, int octets) {
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
}

#endif
