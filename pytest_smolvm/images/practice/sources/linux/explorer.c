/* Loaded into Windows' shell: the pointer is where it was put.
 *
 * For SendInput and SetCursorPos wine (10.0) grabs the pointer, moves it, and lets go. The X server tells the window that has
 * grabbed it, which is the shell's, that the pointer has come to it where it still was, and the shell passes that on as a
 * movement to there: a program that has been sent a click meanwhile sees the pointer go away and come back in the middle of
 * it, and takes that for a drag. No movement is told so; what enters because of a grab is left out. */
#include <dlfcn.h>

enum { ENTER_NOTIFY = 7, NOTIFY_GRAB = 1 };

/* XCrossingEvent */
struct crossing {
    int type;
    unsigned long serial;
    int sent;
    void *display;
    unsigned long window, root, subwindow, time;
    int x, y, x_root, y_root, mode, detail;
};

typedef int wanted(void *display, struct crossing *event, char *argument);

int XCheckIfEvent(void *display, struct crossing *event, wanted *is_wanted, char *argument)
{
    static int (*real)(void *, struct crossing *, wanted *, char *);
    if (!real) /* wine has loaded it for itself, so it is not among what comes next */
        real = dlsym(dlopen("libX11.so.6", RTLD_LAZY), "XCheckIfEvent");
    while (real(display, event, is_wanted, argument))
        if (event->type != ENTER_NOTIFY || event->mode != NOTIFY_GRAB)
            return 1;
    return 0;
}
