/* First process of the practice guest, in memory: load the disk drivers, mount the root file system, hand over to its init.
 *
 * The modules to load are in /modules, named so that their order is the order of loading. A driver whose hardware is
 * missing loads all the same, which is cheaper than finding out. The root file system is known by its GPT name, so it is
 * found on virtio-scsi, virtio-blk and AHCI alike. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT_NAME "PARTNAME=practice-root\n"
#define PATIENCE_SECONDS 60

static void fail(const char *what)
{
    dprintf(1, "practice guest: cannot %s: %m\n", what);
    sleep(3600); /* leaving would panic the kernel and hide the message */
    _exit(1);
}

static void load_modules(void)
{
    struct dirent **names;
    int count = scandir("/modules", &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[300];
        snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
        int fd = names[i]->d_name[0] == '.' ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) != 0)
            dprintf(1, "practice guest: module %s: %m\n", names[i]->d_name);
        if (fd >= 0)
            close(fd);
    }
}

/* Write the device node of the root partition to `device`; 0 if it is there. */
static int find_root(char *device, size_t size)
{
    DIR *blocks = opendir("/sys/class/block");
    struct dirent *entry;
    int found = -1;
    while (blocks && found != 0 && (entry = readdir(blocks))) {
        char path[300], text[4096];
        snprintf(path, sizeof path, "/sys/class/block/%s/uevent", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        if (fd >= 0)
            close(fd);
        text[length > 0 ? length : 0] = 0;
        if (strstr(text, ROOT_NAME)) {
            snprintf(device, size, "/dev/%s", entry->d_name);
            found = 0;
        }
    }
    if (blocks)
        closedir(blocks);
    return found;
}

int main(void)
{
    char device[300];
    mkdir("/dev", 0755), mkdir("/sys", 0755), mkdir("/root", 0755);
    if (mount("dev", "/dev", "devtmpfs", 0, NULL) || mount("sys", "/sys", "sysfs", 0, NULL))
        fail("mount /dev and /sys");
    dup2(open("/dev/console", O_RDWR), 1);
    load_modules();
    for (int tries = 0; find_root(device, sizeof device) != 0; tries++) {
        if (tries == PATIENCE_SECONDS * 100)
            fail("find the root partition");
        usleep(10000);
    }
    if (mount(device, "/root", "ext4", MS_NOATIME, NULL))
        fail("mount the root file system");
    if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) || mount("/sys", "/root/sys", NULL, MS_MOVE, NULL))
        fail("move /dev and /sys");
    if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
        fail("enter the root file system");
    execl("/usr/lib/practice/init", "init", NULL);
    fail("start init");
}
