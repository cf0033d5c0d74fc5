/* Process 1 of the practice guest: it readies the machine, keeps the services running, and ends it.
 *
 * The guest has no other service manager: what it must do fits here, and every program less is time at boot and memory in
 * every clone. Short lines on the serial console tell the outside how far the boot has come. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/input.h>
#include <linux/kd.h>
#include <linux/perf_event.h>
#include <linux/rtc.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>

#define USER_ID 1000
#define REQUESTS "/run/practice/requests" /* a FIFO: the user's shell tells sshd.exe what to run */
#define POWER "/run/practice/power"       /* a FIFO: shutdown.exe writes 'r' or 's' into it */
#define PORTS "/sys/class/virtio-ports"
#define AGENT_PORT "org.qemu.guest_agent.0\n" /* what every host calls it that has one for the agent */
#define DRIVES "/home/smolvm/.wine/dosdevices"
#define BARE "/usr/lib/practice/bare" /* is there on disks of tests that have no SSH server until one is installed */
#define REGISTRY "/home/smolvm/.wine/system.reg"
#define SSHD_SERVICE "Services\\\\sshd]"

static char *const user_environment[] = {
    "HOME=/home/smolvm", "USER=smolvm", "LOGNAME=smolvm", "PATH=/usr/bin", "LANG=C.UTF-8", "WINEPREFIX=/home/smolvm/.wine",
    "WINEDEBUG=-all", "WINEDLLOVERRIDES=mshtml,winemenubuilder.exe=", "DISPLAY=:0", "XDG_RUNTIME_DIR=/run/user", NULL,
};
/* Only wineserver: what it is loaded into inherits it, too. */
static char *const server_environment[] = {
    "HOME=/home/smolvm", "USER=smolvm", "PATH=/usr/bin", "WINEPREFIX=/home/smolvm/.wine", "LD_PRELOAD=/usr/lib/practice/wineserver.so", NULL,
};
static char *const root_environment[] = {"PATH=/usr/sbin:/usr/bin", "LD_PRELOAD=/usr/lib/practice/sshd.so", NULL};
static char *const plain_environment[] = {"PATH=/usr/sbin:/usr/bin", NULL};

/* A program that is started at boot and again whenever it ends. */
struct service {
    const char *name;
    char *const *argv;
    char *const *environment;
    uid_t uid;
    int nice;
    pid_t pid;
    time_t started;
};

static char agent_port[300];

enum { SSHD, WINESERVER, WINDOWS, DESKTOP, AGENT, SERVICES };

static struct service services[] = {
    {"sshd", (char *[]){"/usr/sbin/sshd", "-D", "-e", NULL}, root_environment, 0, 0, 0, 0},
    {"wineserver", (char *[]){"/usr/lib/wine/wineserver64", "--foreground", "--persistent", NULL}, server_environment, USER_ID, 0, 0, 0},
    {"Windows", (char *[]){"/usr/lib/wine/wine64", "C:\\windows\\system32\\OpenSSH\\sshd.exe", NULL}, user_environment, USER_ID, 0, 0, 0},
    {"desktop", (char *[]){"/usr/lib/practice/desktop", NULL}, plain_environment, 0, 15, 0, 0},
    {"agent", (char *[]){"/usr/lib/practice/agent", agent_port, NULL}, user_environment, USER_ID, 0, 0, 0},
};

static void say(const char *text)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    dprintf(1, "practice guest: %s (%ld.%02ld s)\n", text, (long)now.tv_sec, now.tv_nsec / 10000000);
}

static void mount_all(void)
{
    mount("proc", "/proc", "proc", 0, NULL);
    mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m");
    mount("tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    mkdir("/dev/pts", 0755), mkdir("/dev/shm", 01777);
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID, "gid=5,mode=620,ptmxmode=666");
    mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    mkdir("/run/sshd", 0755), mkdir("/run/user", 0700), mkdir("/run/practice", 0755);
    mkfifo(REQUESTS, 0600), mkfifo(POWER, 0600);
    if (chown("/run/user", USER_ID, USER_ID) || chown("/run/practice", USER_ID, USER_ID) || chown(REQUESTS, USER_ID, USER_ID)
        || chown(POWER, USER_ID, USER_ID))
        say("cannot give /run to the user");
}

/* Drivers are listed in the order of loading, one path a line. */
static void load_modules(const char *list)
{
    char path[512];
    FILE *file = fopen(list, "re");
    while (file && fgets(path, sizeof path, file)) {
        path[strcspn(path, "\n")] = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST && errno != ENODEV)
            dprintf(1, "practice guest: module %s: %m\n", path);
        if (fd >= 0)
            close(fd);
    }
    if (file)
        fclose(file);
}

static void set_address(int sock, const char *name, const char *address, const char *mask)
{
    struct ifreq request = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    in->sin_family = AF_INET;
    inet_pton(AF_INET, address, &in->sin_addr);
    ioctl(sock, SIOCSIFADDR, &request);
    inet_pton(AF_INET, mask, &in->sin_addr);
    ioctl(sock, SIOCSIFNETMASK, &request);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    ioctl(sock, SIOCSIFFLAGS, &request);
}

/* QEMU's user-mode network always has these addresses; asking its DHCP server for them would cost a second. */
static void start_network(void)
{
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    struct sockaddr_in *gateway = (struct sockaddr_in *)&route.rt_gateway;
    route.rt_dst.sa_family = route.rt_genmask.sa_family = gateway->sin_family = AF_INET;
    inet_pton(AF_INET, "10.0.2.2", &gateway->sin_addr);
    set_address(sock, "lo", "127.0.0.1", "255.0.0.0");
    for (int tries = 0; if_nametoindex("eth0") == 0 && tries < 300; tries++)
        usleep(10000);
    set_address(sock, "eth0", "10.0.2.15", "255.255.255.0");
    if (ioctl(sock, SIOCADDRT, &route))
        say("no network");
    close(sock);
}

static void start(struct service *service)
{
    service->started = time(NULL);
    service->pid = fork();
    if (service->pid != 0)
        return;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    setpriority(PRIO_PROCESS, 0, service->nice);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    if (service->uid && (setgid(service->uid) || setuid(service->uid) || chdir("/home/smolvm")))
        _exit(126);
    execve(service->argv[0], service->argv, service->environment);
    _exit(127);
}

/* Reap what has ended; start ended services again, at most one a second each. */
static void reap(void)
{
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (int i = 0; i < SERVICES; i++)
            if (services[i].pid == pid) {
                if (time(NULL) - services[i].started < 1)
                    sleep(1);
                start(&services[i]);
            }
}

/* End every process, make the disk clean, and reboot or power off. */
static void finish(int how)
{
    say(how == RB_AUTOBOOT ? "rebooting" : "powering off");
    kill(-1, SIGTERM);
    usleep(300000); /* wineserver writes the registry */
    for (int tries = 0; tries < 100 && waitpid(-1, NULL, WNOHANG) >= 0; tries++)
        usleep(20000);
    kill(-1, SIGKILL);
    sync();
    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
    reboot(how);
    for (;;)
        pause();
}

/* The input device whose name has these words in it; -1 if there is none. */
static int input_device(const char *words)
{
    for (int i = 0; i < 16; i++) {
        char path[64], name[64] = "";
        snprintf(path, sizeof path, "/dev/input/event%d", i);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && ioctl(fd, EVIOCGNAME(sizeof name - 1), name) > 0 && strstr(name, words))
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

static time_t hardware_time(int clock)
{
    struct rtc_time read;
    if (ioctl(clock, RTC_RD_TIME, &read))
        return -1;
    struct tm now = {.tm_sec = read.tm_sec, .tm_min = read.tm_min, .tm_hour = read.tm_hour,
                     .tm_mday = read.tm_mday, .tm_mon = read.tm_mon, .tm_year = read.tm_year};
    return timegm(&now);
}

/* A restored machine goes on with the time at which it was frozen, and only its hardware clock knows better. On Windows the
 * resident PowerShell sets the clock; wine lets nobody do that. */
static void follow_clock(int clock)
{
    time_t before = hardware_time(clock), now = before;
    if (before == -1 || before == time(NULL))
        return;
    struct timespec about = {.tv_sec = before, .tv_nsec = 500000000}; /* it has no parts of a second */
    if (labs((long)(before - time(NULL))) > 1)
        clock_settime(CLOCK_REALTIME, &about);
    for (int tries = 0; tries < 2000 && now == before; tries++) {
        usleep(1000);
        now = hardware_time(clock);
    }
    struct timespec exact = {.tv_sec = now};
    if (now != -1)
        clock_settime(CLOCK_REALTIME, &exact);
}

static void serve(int signals)
{
    int clock = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
    int requests = open(POWER, O_RDWR | O_CLOEXEC), button = input_device("Power Button");
    struct pollfd files[] = {{signals, POLLIN, 0}, {requests, POLLIN, 0}, {button, POLLIN, 0}};
    for (;;) {
        struct signalfd_siginfo info;
        struct input_event event;
        char letter;
        int ready = poll(files, 3, 250);
        follow_clock(clock);
        if (ready == 0)
            continue;
        if (files[0].revents && read(signals, &info, sizeof info) > 0 && info.ssi_signo != SIGCHLD)
            finish(info.ssi_signo == SIGINT ? RB_AUTOBOOT : RB_POWER_OFF); /* SIGINT: Ctrl-Alt-Del */
        if (files[1].revents && read(files[1].fd, &letter, 1) == 1)
            finish(letter == 'r' ? RB_AUTOBOOT : RB_POWER_OFF);
        if (files[2].revents && read(files[2].fd, &event, sizeof event) == sizeof event && event.code == KEY_POWER && event.value)
            finish(RB_POWER_OFF);
        reap();
    }
}

/* Hold a perf event of a task for good. The first one and the last make the kernel patch its scheduler while it runs, and
 * wineserver's ptrace of debug registers makes one and ends it with nearly every new process. An emulated processor may
 * run an instruction half patched by another: the kernel then panics ("Oops: int3", in __schedule). */
static void keep_scheduler_as_it_is(void)
{
    struct perf_event_attr nothing = {.type = PERF_TYPE_SOFTWARE, .size = sizeof nothing, .config = PERF_COUNT_SW_DUMMY};
    if (syscall(SYS_perf_event_open, &nothing, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) == -1)
        say("no perf event");
}

/* Whether a file has these words in it. */
static int holds(const char *path, const char *words)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC), found = 0;
    if (fd >= 0 && fstat(fd, &status) == 0) {
        char *text = calloc(1, status.st_size + 1);
        found = text && read(fd, text, status.st_size) > 0 && strstr(text, words) != NULL;
        free(text);
    }
    if (fd >= 0)
        close(fd);
    return found;
}

/* Whether there is an SSH server: on a bare disk it is there, too, but starts only once somebody has installed a service of
 * that name, as if that were it. */
static int has_sshd(void)
{
    return access(BARE, F_OK) != 0 || holds(REGISTRY, SSHD_SERVICE);
}

/* Whether there is a controller of this class of PCI devices. */
static int has_device(const char *class)
{
    glob_t found;
    int has = 0;
    if (glob("/sys/bus/pci/devices/*/class", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !has; i++)
            has = holds(found.gl_pathv[i], class);
        globfree(&found);
    }
    return has;
}

/* A machine with USB is made for a Windows without virtio's drivers: its pointer is a USB tablet, which comes by and by, and
 * its keyboard the board's own. */
static void load_input(void)
{
    if (!has_device("0x0c0330")) {
        load_modules("/usr/lib/practice/modules.virtio-input");
        return;
    }
    load_modules("/usr/lib/practice/modules.usb-input");
    int tablet = -1;
    for (int tries = 0; (tablet = input_device("Tablet")) < 0 && tries < 500; tries++)
        usleep(10000);
    close(tablet);
}

/* Discs are drives of Windows, from D: on. */
static void mount_discs(void)
{
    load_modules("/usr/lib/practice/modules.discs");
    for (int i = 0; i < 4; i++) {
        char device[16], place[40], drive[64];
        snprintf(device, sizeof device, "/dev/sr%d", i);
        snprintf(place, sizeof place, "/run/practice/disc%d", i);
        snprintf(drive, sizeof drive, DRIVES "/%c:", 'd' + i);
        unlink(drive);
        mkdir(place, 0755);
        if (mount(device, place, "udf", MS_RDONLY, NULL) == 0 || mount(device, place, "iso9660", MS_RDONLY, "norock,utf8") == 0)
            if (symlink(place, drive))
                say("cannot make a drive of a disc");
    }
}

/* Where the host has a port for QEMU's guest agent, run it, and let it see the discs that the host has put in. */
static void start_agent(void)
{
    DIR *ports = opendir(PORTS);
    struct dirent *entry;
    while (ports && (entry = readdir(ports))) {
        char path[300];
        snprintf(path, sizeof path, PORTS "/%s/name", entry->d_name);
        if (holds(path, AGENT_PORT))
            snprintf(agent_port, sizeof agent_port, "/dev/%s", entry->d_name);
    }
    if (ports)
        closedir(ports);
    if (!*agent_port)
        return;
    mount_discs();
    if (chown(agent_port, USER_ID, USER_ID))
        say("cannot give the agent its port");
    start(&services[AGENT]);
}

/* The keyboard and the screen belong to the desktop: or else the kernel's own console takes each key, too, and writes what
 * it makes of it across the desktop's picture ("^[" for Esc). Xorg does this itself only where it owns its terminal. */
static void leave_screen_to_desktop(void)
{
    int terminal = open("/dev/tty1", O_RDWR | O_NOCTTY | O_CLOEXEC); /* kept open: what it is set to is its own */
    if (terminal < 0 || ioctl(terminal, KDSKBMODE, K_OFF) || ioctl(terminal, KDSETMODE, KD_GRAPHICS))
        say("the kernel's console shares the keyboard");
}

int main(void)
{
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGCHLD), sigaddset(&handled, SIGINT), sigaddset(&handled, SIGTERM);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    int signals = signalfd(-1, &handled, SFD_CLOEXEC);
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    dup2(console, 0), dup2(console, 1), dup2(console, 2);
    umask(022);
    mount_all();
    say("userspace is up");
    reboot(RB_DISABLE_CAD);
    keep_scheduler_as_it_is();
    sethostname("PRACTICE", 8);
    load_modules("/usr/lib/practice/modules.network");
    start_network();
    if (has_sshd())
        start(&services[SSHD]);
    start(&services[WINESERVER]);
    start(&services[WINDOWS]);
    say(services[SSHD].pid ? "sshd is starting" : "there is no sshd");
    start_agent();
    load_modules("/usr/lib/practice/modules.devices");
    load_input();
    leave_screen_to_desktop();
    start(&services[DESKTOP]); /* which asks once what keyboard and pointer there are */
    serve(signals);
}
