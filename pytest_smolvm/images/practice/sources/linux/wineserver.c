/* Loaded into wineserver: lets an idle guest sleep.
 *
 * wineserver keeps the time that Windows programs read from a shared page, and so wakes 60 times a second, for ever: 7 % of
 * a core in every idle guest on an emulated processor. While nobody has asked it for anything for a second, it wakes less
 * often. The price: a wait that times out just then does so up to SLOW_TICK later. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/epoll.h>

#define TICK 16 /* milliseconds: wineserver's own, when no timer is due sooner */
#define SLOW_TICK 100
#define IDLE_TICKS 60

int epoll_wait(int epoll, struct epoll_event *events, int size, int timeout)
{
    static int (*real)(int, struct epoll_event *, int, int);
    static int idle;
    if (!real)
        real = dlsym(RTLD_NEXT, "epoll_wait");
    int ready = real(epoll, events, size, timeout == TICK && idle > IDLE_TICKS ? SLOW_TICK : timeout);
    idle = ready == 0 ? idle + 1 : 0;
    return ready;
}
