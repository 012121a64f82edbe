/* Callers for a FastAGI server, as cheap as they can be: agi_load PORT SESSIONS AT_ONCE < environment
 *
 * Keeps AT_ONCE sessions open until SESSIONS have been served, answers every command with the reply of its
 * turn, and prints sessions per second. Exits 1 when a session ends early or the server stops answering.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *replies[] = {
    "200 result=0 endpos=16000\n",
    "200 result=0 endpos=24000\n",
    "200 result=49\n",
    "200 result=50 endpos=8000\n",
    "200 result=345678901 (timeout)\n",
    "200 result=0 endpos=18000\n",
    "200 result=1\n",
    "200 result=1\n",
    "200 result=1\n",
    "200 result=1\n",
};
enum { COMMANDS = sizeof replies / sizeof *replies, MOST = 65536 };

static unsigned char replied[MOST];
static char environment[65536];
static size_t environment_length;

static void fail(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void start(int epoll, const struct sockaddr_in *server) {
    int on = 1, caller = socket(AF_INET, SOCK_STREAM, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = caller};
    if (caller < 0 || caller >= MOST || connect(caller, (const struct sockaddr *)server, sizeof *server) < 0)
        fail("cannot connect");
    setsockopt(caller, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (write(caller, environment, environment_length) != (ssize_t)environment_length) fail("cannot send");
    replied[caller] = 0;
    epoll_ctl(epoll, EPOLL_CTL_ADD, caller, &event);
}

int main(int count, char **words) {
    if (count != 4) fail("usage: agi_load PORT SESSIONS AT_ONCE < environment");
    int sessions = atoi(words[2]), at_once = atoi(words[3]), started = 0, done = 0, epoll = epoll_create1(0);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    struct timespec begun, ended;
    struct epoll_event ready[64];
    char data[4096];
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    environment_length = fread(environment, 1, sizeof environment, stdin);

    clock_gettime(CLOCK_MONOTONIC, &begun);
    while (started < sessions && started < at_once) start(epoll, &server), started++;
    while (done < sessions) {
        int n = epoll_wait(epoll, ready, 64, 10000);
        if (n <= 0) fail("the server has stopped answering");
        for (int i = 0; i < n; i++) {
            int caller = ready[i].data.fd;
            if (read(caller, data, sizeof data) > 0) {
                const char *reply = replies[replied[caller]];
                if (write(caller, reply, strlen(reply)) < 0) fail("cannot reply");
                if (++replied[caller] > COMMANDS) fail("too many commands");
                continue;
            }
            if (replied[caller] != COMMANDS) fail("a session ended early");
            close(caller);
            done++;
            if (started < sessions) start(epoll, &server), started++;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%.1f\n", sessions / (ended.tv_sec - begun.tv_sec + (ended.tv_nsec - begun.tv_nsec) / 1e9));
    return 0;
}
