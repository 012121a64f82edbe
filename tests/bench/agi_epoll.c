/* The least that a FastAGI server can be: agi_epoll < commands
 *
 * Single-threaded, epoll, no parsing beyond the end of the environment and of each reply. Sends the commands
 * (one a line) one after the other to everybody who connects, then closes. Prints its port; when its input
 * ends it prints the CPU seconds that it took, as the other servers of this bench do.
 *
 * The first input line holds the number of commands that follow, the commands come behind it.
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 65536, MOST_COMMANDS = 64 };

static struct {
    int running; /* the environment is complete */
    int sent;    /* commands so far */
    char last;   /* byte of what came before: an environment's end may come in two pieces */
} session[MOST];

static char command[MOST_COMMANDS][2048];
static size_t length[MOST_COMMANDS];
static int commands;

static void fail(const char *why) {
    perror(why);
    exit(1);
}

static void read_commands(void) {
    char line[2048];
    if (!fgets(line, sizeof line, stdin)) fail("no commands");
    int number = atoi(line);
    if (number < 1 || number > MOST_COMMANDS) fail("number of commands");
    for (; commands < number; commands++) {
        if (!fgets(command[commands], sizeof command[commands], stdin)) fail("too few commands");
        length[commands] = strlen(command[commands]);
    }
}

static int listening(void) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    int on = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    if (bind(server, (struct sockaddr *)&where, sizeof where) < 0 || listen(server, 1024) < 0) fail("listen");
    getsockname(server, (struct sockaddr *)&where, &size);
    printf("%d\n", ntohs(where.sin_port));
    fflush(stdout);
    return server;
}

static void welcome(int epoll, int server) {
    for (;;) {
        int caller = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (caller < 0) return;
        if (caller >= MOST) fail("too many callers");
        struct epoll_event event = {.events = EPOLLIN, .data.fd = caller};
        memset(&session[caller], 0, sizeof session[caller]);
        epoll_ctl(epoll, EPOLL_CTL_ADD, caller, &event);
    }
}

/* Whether an empty line is in there, which ends the environment. */
static int complete(int caller, const char *data, ssize_t got) {
    for (ssize_t i = 0; i < got; i++) {
        if (data[i] == '\n' && session[caller].last == '\n') return 1;
        session[caller].last = data[i];
    }
    return 0;
}

static void serve(int caller) {
    char data[4096];
    ssize_t got = read(caller, data, sizeof data);
    if (got <= 0) {
        close(caller);
        return;
    }
    if (!session[caller].running) {
        if (!complete(caller, data, got)) return;
        session[caller].running = 1;
    } else if (data[got - 1] != '\n') {
        return;
    }
    int next = session[caller].sent++;
    if (next == commands || write(caller, command[next], length[next]) != (ssize_t)length[next]) close(caller);
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(void) {
    struct epoll_event ready[64];
    read_commands();
    int server = listening(), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event welcoming = {.events = EPOLLIN, .data.fd = server};
    struct epoll_event ending = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
    epoll_ctl(epoll, EPOLL_CTL_ADD, server, &welcoming);
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &ending);
    double begun = cpu_seconds();
    for (;;) {
        int n = epoll_wait(epoll, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            int who = ready[i].data.fd;
            if (who == STDIN_FILENO) {
                printf("%f\n", cpu_seconds() - begun);
                return 0;
            }
            if (who == server) welcome(epoll, server);
            else serve(who);
        }
    }
}
