/* The login shell of the practice guest's user: it hands what sshd asks for to the resident sshd.exe on the Windows side.
 *
 * sshd runs `shell -c REQUEST`, or `-shell` for no request. Starting a Windows process from Linux takes long, and tells
 * only 8 bits of its exit code; sshd.exe does both better. It opens named pipes made here, and this program copies between
 * them and sshd's sockets until the request has ended. On a terminal it gives way to wine's own cmd.exe. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define RUN "/run/practice"
#define REQUESTS RUN "/requests"
#define READY_SECONDS 600 /* how long a request waits for sshd.exe after power-on */
#define BUFFER (256 * 1024)

enum { MAKE_PIPE = -1, REMOVE = -2 };

/* One direction of copying. `to` is -1 when nobody listens any more: the rest is thrown away. */
struct flow {
    int from, to;
    size_t used, sent;
    char data[BUFFER];
};

static char directory[64];

static int file(const char *name, int flags)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (flags == MAKE_PIPE)
        return mkfifo(path, 0600);
    if (flags == REMOVE)
        return unlink(path);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        fcntl(fd, F_SETPIPE_SZ, BUFFER); /* fewer, larger steps; fails harmlessly on a plain file */
    return fd;
}

static void clean_up(void)
{
    const char *names[] = {"in", "out", "err", "done", "request"};
    for (int i = 0; i < 5; i++)
        file(names[i], REMOVE);
    rmdir(directory);
}

/* Send `verb` with our name to sshd.exe. A line is shorter than PIPE_BUF, so lines of several shells do not mix. */
static int tell(char verb)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%c%d\n", verb, getpid());
    for (int tries = 0; tries < READY_SECONDS * 20; tries++) {
        int fd = open(REQUESTS, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0) {
            int written = write(fd, line, length) == length;
            close(fd);
            return written ? 0 : -1;
        }
        usleep(50000);
    }
    return -1;
}

static void write_request(const char *kind, const char *command)
{
    const char *client = getenv("SSH_CLIENT"), *connection = getenv("SSH_CONNECTION");
    FILE *request = fdopen(file("request", O_WRONLY | O_CREAT), "w");
    if (!request)
        exit(255);
    fprintf(request, "%s\n%d\n%s\n%s\n%s", kind, getppid(), client ? client : "", connection ? connection : "", command);
    fclose(request);
}

/* Fill from `flow->from`; 0 at its end. */
static int fill(struct flow *flow)
{
    ssize_t got = read(flow->from, flow->data, BUFFER);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    flow->used = got > 0 ? got : 0;
    flow->sent = 0;
    return got > 0;
}

static void drain(struct flow *flow)
{
    ssize_t put = flow->to < 0 ? (ssize_t)(flow->used - flow->sent) : write(flow->to, flow->data + flow->sent, flow->used - flow->sent);
    if (put < 0 && errno != EAGAIN && errno != EINTR) {
        flow->to = -1;
        put = flow->used - flow->sent;
    }
    flow->sent += put > 0 ? put : 0;
    if (flow->sent == flow->used)
        flow->sent = flow->used = 0;
}

/* Prepare `poll` for a flow: wait for room if something is waiting to be sent, for data otherwise. */
static void watch(struct flow *flow, struct pollfd *in, struct pollfd *out)
{
    in->events = POLLIN, out->events = POLLOUT;
    in->fd = flow->used == 0 ? flow->from : -1;
    out->fd = flow->used ? flow->to : -1;
}

static void turn(struct flow *flow, struct pollfd *in, struct pollfd *out)
{
    if (in->fd >= 0 && in->revents && !fill(flow)) {
        close(flow->from);
        flow->from = -1;
    }
    if (flow->used && (flow->to < 0 || (out->fd >= 0 && out->revents) || in->revents))
        drain(flow);
}

static int all_sent(struct flow *flow)
{
    return flow->used == 0;
}

/* What sshd's preloaded library reads when it reaps us: the whole exit code, of which exit() keeps 8 bits. */
static void leave_code(unsigned int code)
{
    char path[64];
    snprintf(path, sizeof path, RUN "/exit.%d", getpid());
    int fd = getppid() == 1 ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); /* 1: the client is gone */
    if (fd >= 0 && write(fd, &code, sizeof code) == sizeof code)
        close(fd);
}

/* Copy until sshd.exe has reported the exit code and all output has passed. */
static unsigned int relay(int done, int signals)
{
    static struct flow in, out, err;
    struct pollfd files[8];
    unsigned char report[5];
    int opened = 0, finished = 0, reader = file("in", O_RDONLY | O_NONBLOCK);
    unsigned int code = 255;
    in.from = 0, in.to = file("in", O_WRONLY | O_NONBLOCK);
    out.from = file("out", O_RDONLY | O_NONBLOCK), out.to = 1;
    err.from = file("err", O_RDONLY | O_NONBLOCK), err.to = 2;
    if (tell('r') != 0)
        return 255;
    for (;;) {
        watch(&in, &files[0], &files[1]);
        watch(&out, &files[2], &files[3]);
        watch(&err, &files[4], &files[5]);
        if (finished) /* what is still on its way out is taken along, what may yet come is not waited for */
            files[0].fd = files[1].fd = -1;
        files[6] = (struct pollfd){finished ? -1 : done, POLLIN, 0};
        files[7] = (struct pollfd){signals, POLLIN, 0};
        int ready = poll(files, 8, finished && all_sent(&out) && all_sent(&err) ? 0 : -1);
        if (finished && ready == 0)
            return code;
        if (finished && out.from < 0 && err.from < 0 && all_sent(&out) && all_sent(&err))
            return code;
        if (files[7].revents) {
            struct signalfd_siginfo info;
            if (read(signals, &info, sizeof info) > 0)
                tell('k');
        }
        turn(&in, &files[0], &files[1]);
        if (in.from < 0 && all_sent(&in) && in.to >= 0)
            close(in.to), in.to = -1;
        turn(&out, &files[2], &files[3]);
        turn(&err, &files[4], &files[5]);
        if (files[6].fd >= 0 && files[6].revents) {
            /* Both reports may be there before we have been given a turn: the first is one byte, and is read alone. */
            ssize_t got = read(done, report, opened ? sizeof report : 1);
            if (got == 1 && !opened) { /* it has opened the pipes: from now on a closed pipe means what it should */
                close(reader);
                opened = 1;
            } else if (got != -1) {
                if (got == 5)
                    memcpy(&code, report + 1, 4);
                finished = 1;
            }
        }
    }
}

static void on_terminal(char **argv)
{
    char *words[] = {"/usr/lib/wine/wine64", "cmd.exe", argv[1] ? "/c" : NULL, argv[1] ? argv[2] : NULL, NULL};
    struct termios terminal;
    if (tcgetattr(0, &terminal) == 0) {
        terminal.c_iflag &= ~ICRNL; /* to Windows the key Enter is a carriage return */
        tcsetattr(0, TCSANOW, &terminal);
    }
    if (chdir("/home/smolvm/.wine/drive_c/Users/smolvm") != 0)
        _exit(255);
    setenv("WINEDEBUG", "-all", 1); /* the rest is wine's default, or comes from sshd */
    setenv("WINEDLLOVERRIDES", "mshtml,winemenubuilder.exe=", 1);
    setenv("DISPLAY", ":0", 1);
    execv(words[0], words);
    _exit(255);
}

int main(int argc, char **argv)
{
    sigset_t handled;
    if (isatty(0))
        on_terminal(argv);
    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM), sigaddset(&handled, SIGHUP), sigaddset(&handled, SIGINT);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    signal(SIGPIPE, SIG_IGN);
    snprintf(directory, sizeof directory, RUN "/%d", getpid());
    if (mkdir(directory, 0700) != 0 || file("in", MAKE_PIPE) || file("out", MAKE_PIPE) || file("err", MAKE_PIPE) || file("done", MAKE_PIPE))
        return 255;
    int sftp = argc > 2 && strcmp(argv[2], "sftp-server") == 0;
    write_request(sftp ? "sftp" : argc > 2 ? "exec" : "shell", argc > 2 ? argv[2] : "");
    for (int fd = 0; fd < 3; fd++)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    unsigned int code = relay(file("done", O_RDONLY | O_NONBLOCK), signalfd(-1, &handled, SFD_CLOEXEC));
    clean_up();
    leave_code(code);
    return code & 255;
}
