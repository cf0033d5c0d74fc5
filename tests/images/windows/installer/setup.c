/* The practice installer: first process of a disc that behaves like Windows Setup where the image builder touches it.
 *
 * It runs twice. From the disc (Windows PE's part) it wants TPM 2.0, looks for Autounattend.xml on all discs as Windows
 * does, checks what it says, and copies a system to the first SATA disk. From that disk, after a restart, it runs the
 * answer file's `specialize` commands, arranges for its first-logon commands, and puts the system's own kernel in place.
 * A state word in the unused sectors before the first partition says which of the two it is.
 *
 * A disk that is generalized has been through the first part elsewhere: it has the state of the second one, the system's own
 * kernel in a file, and no disc to install from. It goes on with the answers of whatever disc has some, or waits at a page. */
#define _GNU_SOURCE
#include <crypt.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answers.h"

#define DISK "/dev/sda"
#define STATE_OFFSET (64 * 512)
#define MESSAGE_OFFSET (65 * 512)
#define SYSTEM_OFFSET (1 << 20)
#define ROOT "/root"
#define DEVICES "/home/smolvm/.wine/dosdevices"
#define HEADER 208
#define MODULES "/usr/lib/practice/installer"
#define COMMANDS "/usr/lib/practice/first-logon.commands"
#define VARIANT "/usr/lib/practice/installer.variant"
#define POWER "/run/practice/power"
#define SYSTEM "/usr/lib/practice/installer.system"
#define REGISTRY "/home/smolvm/.wine/system.reg"
#define PANTHER "/home/smolvm/.wine/drive_c/windows/Panther"
#define SHADOW "/etc/shadow"

/* Where discs are mounted; in memory, so that nothing of it stays in the installed system. */
#define PLACE "/run/disc%d"

static char variant[32];
static int screen = -1;

/* Text on the screen, as Setup's windows are for a real one: nothing of it is on the serial port. */
static void show(const char *format, ...)
{
    va_list words;
    va_start(words, format);
    if (screen >= 0)
        vdprintf(screen, format, words);
    va_end(words);
}

/* A message that waits for somebody who never comes. It is also on the disk, as Setup's own log would be. */
static void stop(const char *message)
{
    char sector[512] = "";
    int disk = open(DISK, O_WRONLY | O_CLOEXEC);
    show("\033[2J\033[H\n  %s\n", message);
    snprintf(sector, sizeof sector, "%s", message);
    if (disk >= 0 && pwrite(disk, sector, sizeof sector, MESSAGE_OFFSET) > 0)
        fsync(disk);
    for (;;)
        pause();
}

static void restart(void)
{
    sync();
    reboot(RB_AUTOBOOT);
}

static int is_variant(const char *name)
{
    return strcmp(variant, name) == 0;
}

static void wait_for(const char *path)
{
    for (int tries = 0; access(path, F_OK) != 0 && tries < 3000; tries++)
        usleep(10000);
}

/* The spare disk comes last, when the discs are there and with them what else is on SATA: the first one is called sda. */
static void load_modules(const char *folder)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (strstr(path, "virtio_scsi"))
            wait_for("/dev/sr0");
        int fd = names[i]->d_name[0] == '.' ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)
            dprintf(1, "practice installer: module %s: %m\n", path);
        if (fd >= 0)
            close(fd);
    }
}

static long number_in(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        return -1;
    close(fd);
    return atol(text);
}

/* Mount a disc as Windows would read it: UDF, else Joliet; never Rock Ridge, and plain ISO 9660 has short names. */
static int mount_disc(const char *device, const char *place)
{
    mkdir(place, 0755);
    return mount(device, place, "udf", MS_RDONLY, NULL) == 0 || mount(device, place, "iso9660", MS_RDONLY, "norock,utf8") == 0;
}

/* The path of a file in a folder, whatever the case of its name. */
static int find_name(const char *folder, const char *name, char *path, size_t size)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    int found = 0;
    while (entries && !found && (entry = readdir(entries)))
        if (strcasecmp(entry->d_name, name) == 0) {
            snprintf(path, size, "%s/%s", folder, entry->d_name);
            found = 1;
        }
    if (entries)
        closedir(entries);
    return found;
}

/* Whether nothing is installed, but a generalized disk starts for the first time. */
static int is_generalized(void)
{
    return strncmp(variant, "generalized", 11) == 0;
}

/* Find the answer file in a folder. Windows PE takes one name only; the passes after it take a second one, too. */
static int find_answers(const char *place, char *path, size_t size)
{
    return find_name(place, "autounattend.xml", path, size) || (is_generalized() && find_name(place, "unattend.xml", path, size));
}

/* Mount every disc; tell which one has the installation and which one the answers (-1: none). */
static void mount_discs(int *media, int *answers)
{
    *media = *answers = -1;
    for (int i = 0; i < 4; i++) {
        char device[16], place[24], path[400];
        snprintf(device, sizeof device, "/dev/sr%d", i);
        snprintf(place, sizeof place, PLACE, i);
        if (access(device, F_OK) != 0 || !mount_disc(device, place))
            continue;
        if (*answers < 0 && find_answers(place, path, sizeof path))
            *answers = i;
        if (find_name(place, "sources", path, sizeof path))
            *media = i;
    }
}

static char *read_file(const char *path, size_t *length)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        return NULL;
    char *text = calloc(1, status.st_size + 1);
    *length = read(fd, text, status.st_size);
    close(fd);
    return text;
}

/* The answer file, or NULL if there is none that Windows would take: it ignores a broken one without a word. */
static struct answers *read_answers(int disc)
{
    char place[24], path[400];
    size_t length;
    snprintf(place, sizeof place, PLACE, disc);
    if (disc < 0 || !find_answers(place, path, sizeof path))
        return NULL;
    char *text = read_file(path, &length);
    return text ? parse_answers(text, length) : NULL;
}

/* Whether a disc has smolvm/drivers/vioscsi with an .inf file in it. */
static int has_driver(int disc)
{
    char folder[64];
    struct dirent *entry;
    int found = 0;
    snprintf(folder, sizeof folder, PLACE "/smolvm/drivers/vioscsi", disc);
    DIR *entries = opendir(folder);
    while (entries && (entry = readdir(entries)))
        found |= strlen(entry->d_name) > 4 && strcasecmp(entry->d_name + strlen(entry->d_name) - 4, ".inf") == 0;
    if (entries)
        closedir(entries);
    return found;
}

/* What Setup would ask about if the answer file did not say it; NULL if it says all. */
static const char *question(const struct answers *answers, uint32_t images)
{
    const char *pe = "windowsPE/Microsoft-Windows-Setup/";
    if (!answers || is_variant("question"))
        return "Select language settings          [ Next ]";
    if (!answer(answers, "windowsPE/Microsoft-Windows-International-Core-WinPE/", "SetupUILanguage/UILanguage", 0))
        return "Language to install:  English (United States)      [ Next ]";
    const char *accepted = answer(answers, pe, "UserData/AcceptEula", 0);
    if (!accepted || strcmp(accepted, "true") != 0)
        return "Applicable notices and license terms      [ Accept ]";
    /* As Windows 11 24H2 has it: a key is not wanted, a word about it is; and what stands there must not be empty. */
    const char *licence = answer(answers, pe, "UserData/ProductKey/Key", 0);
    if (!answer(answers, pe, "UserData/ProductKey/WillShowUI", 0) || (licence && !*licence))
        return "Product key      [ Next ]";
    const char *key = answer(answers, pe, "ImageInstall/OSImage/InstallFrom/MetaData/Key", 0);
    const char *value = answer(answers, pe, "ImageInstall/OSImage/InstallFrom/MetaData/Value", 0);
    if (!key || !value || strcmp(key, "/IMAGE/INDEX") != 0 || atol(value) < 1 || atol(value) > images)
        return "Select the operating system you want to install: No images are available.";
    const char *disk = answer(answers, pe, "ImageInstall/OSImage/InstallTo/DiskID", 0);
    const char *wiped = answer(answers, pe, "DiskConfiguration/Disk/WillWipeDisk", 0);
    if (!disk || strcmp(disk, "0") != 0 || !wiped || strcmp(wiped, "true") != 0)
        return "Where do you want to install Windows?";
    return NULL;
}

static void write_fully(int fd, const char *data, size_t length, off_t offset)
{
    while (length > 0) {
        ssize_t written = pwrite(fd, data, length, offset);
        if (written <= 0)
            stop("Windows cannot install required files. Error code: 0x8007045D");
        data += written, length -= written, offset += written;
    }
}

/* Copy `length` bytes from one file to another. */
static void copy_bytes(int from, off_t source, int to, off_t target, uint64_t length)
{
    static char buffer[4 << 20];
    while (length > 0) {
        ssize_t got = pread(from, buffer, length < sizeof buffer ? length : sizeof buffer, source);
        if (got <= 0)
            stop("Windows cannot install required files. The file may be corrupt. Error code: 0x80070570");
        write_fully(to, buffer, got, target);
        source += got, target += got, length -= got;
    }
}

static void set_state(int disk, const char *word)
{
    char sector[512] = "";
    snprintf(sector, sizeof sector, "PRACTICE-%s", word);
    write_fully(disk, sector, sizeof sector, STATE_OFFSET);
}

/* Behind the header of install.wim, in place of Windows: how many pieces, then each one's place on the disk, its length
 * and its place in the file. */
static void copy_system(int wim, int disk)
{
    uint64_t count, piece[3];
    if (pread(wim, &count, sizeof count, HEADER) != sizeof count)
        stop("Windows cannot open the required file install.wim. Error code: 0x80070570");
    for (uint64_t i = 0; i < count; i++) {
        if (pread(wim, piece, sizeof piece, HEADER + 8 + i * sizeof piece) != sizeof piece)
            stop("Windows cannot open the required file install.wim. Error code: 0x80070570");
        show("\r  Copying Windows files (%d%%)  ", (int)(100 * i / count));
        copy_bytes(wim, piece[2], disk, piece[0], piece[1]);
        if (i == count / 2 && is_variant("hang")) {
            fsync(disk);
            stop("Copying Windows files (50%)");
        }
    }
    fsync(disk);
}

static void check_computer(void)
{
    if (number_in("/sys/class/tpm/tpm0/tpm_version_major") != 2)
        stop("This PC can't run Windows 11\n  The PC must support TPM 2.0.");
}

/* From the disc: what Windows PE does. */
static void install(void)
{
    int media, disc;
    uint32_t images = 0;
    mount_discs(&media, &disc);
    char path[400] = "", place[24];
    snprintf(place, sizeof place, PLACE, media);
    snprintf(path, sizeof path, "%s/sources/variant", place);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, variant, sizeof variant - 1) < 0)
        variant[0] = 0;
    if (is_variant("off")) {
        sync();
        reboot(RB_POWER_OFF);
    }
    if (is_variant("early-loop"))
        restart();
    check_computer();
    snprintf(path, sizeof path, "%s/sources/install.wim", place);
    int wim = open(path, O_RDONLY | O_CLOEXEC);
    if (wim < 0 || pread(wim, &images, sizeof images, 44) != sizeof images)
        stop("Windows cannot open the required file install.wim.");
    const char *asked = question(read_answers(disc), images);
    if (asked)
        stop(asked);
    if (!has_driver(disc))
        stop("A media driver your computer needs is missing.");
    int disk = open(DISK, O_RDWR | O_CLOEXEC);
    copy_system(wim, disk);
    /* The next start is ours again, from the disk. */
    snprintf(path, sizeof path, "%s/sources/setup.img", place);
    int program = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (program < 0 || fstat(program, &status) != 0)
        stop("Windows could not prepare the computer to boot into the next phase of installation.");
    copy_bytes(program, 0, disk, SYSTEM_OFFSET, status.st_size);
    set_state(disk, variant[0] ? variant : "specialize");
    fsync(disk);
    restart();
}

/* Run a command line of the answer file in the installed system, through wine's cmd.exe as Windows would through its own. */
static int run_command(const char *line, const char *root)
{
    pid_t child = fork();
    if (child == 0) {
        char *environment[] = {
            "HOME=/home/smolvm", "USER=smolvm", "PATH=/usr/bin", "LANG=C.UTF-8", "WINEPREFIX=/home/smolvm/.wine", "WINEDEBUG=-all",
            "WINEDLLOVERRIDES=winemenubuilder.exe=", *root ? "XDG_RUNTIME_DIR=/tmp" : "XDG_RUNTIME_DIR=/run/user", NULL,
        };
        /* "cmd.exe /c" of the line itself is the program; what follows is one argument to it, as CreateProcess has it. */
        if (strncasecmp(line, "cmd.exe /c ", 11) == 0)
            line += 11;
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0), dup2(null, 1), dup2(null, 2);
        if ((*root && chroot(root)) || setgid(1000) || setuid(1000) || chdir("/home/smolvm"))
            _exit(126);
        execle("/usr/lib/wine/wine64", "wine64", "cmd.exe", "/c", line, NULL, environment);
        _exit(127);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

/* Let the system at `root` see the answer disc as D: and the serial port as COM1. */
static void give_devices(int disc, const char *root)
{
    char place[24], path[300];
    snprintf(place, sizeof place, PLACE, disc);
    snprintf(path, sizeof path, "%s/run/answers", root);
    mkdir(path, 0755);
    mount(place, path, NULL, MS_BIND, NULL);
    snprintf(path, sizeof path, "%s" DEVICES "/d:", root);
    unlink(path);
    if (symlink("/run/answers", path))
        dprintf(1, "practice installer: cannot make D:: %m\n");
    snprintf(path, sizeof path, "%s" DEVICES "/com1", root);
    unlink(path);
    if (symlink("/dev/ttyS0", path))
        dprintf(1, "practice installer: cannot make COM1: %m\n");
    chmod("/dev/ttyS0", 0666);
}

/* Put ourselves in front of the system's own init, with the commands to run at the next start. */
static void arrange_first_logon(const struct answers *answers)
{
    FILE *list = fopen(ROOT COMMANDS, "we");
    const char *line;
    for (int i = 0; list && !is_variant("idle") && (line = answer(answers, "oobeSystem/Microsoft-Windows-Shell-Setup/", "FirstLogonCommands/SynchronousCommand/CommandLine", i)); i++)
        fprintf(list, "%s\n", line);
    if (list)
        fclose(list);
    FILE *kept = fopen(ROOT VARIANT, "we");
    if (kept) {
        fprintf(kept, "%s\n", variant);
        fclose(kept);
    }
    size_t length = 0;
    char *self = read_file("/init", &length);
    rename(ROOT "/usr/lib/practice/init", ROOT "/usr/lib/practice/init.own");
    int fd = open(ROOT "/usr/lib/practice/init", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    write_fully(fd, self, length, 0);
    close(fd);
    mkdir(ROOT MODULES, 0755);
    struct dirent **names;
    int count = scandir("/modules", &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[300], target[400];
        snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
        snprintf(target, sizeof target, ROOT MODULES "/%s", names[i]->d_name);
        char *module = names[i]->d_name[0] == '.' ? NULL : read_file(path, &length);
        int copy = module ? open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
        if (copy >= 0) {
            write_fully(copy, module, length, 0);
            close(copy);
        }
        free(module);
    }
}

/* Give the account the password of the answer file; the system has one line for it, at the end. */
static void set_password(const struct answers *answers)
{
    size_t length;
    const char *password = answer(answers, "oobeSystem/Microsoft-Windows-Shell-Setup/", "UserAccounts/LocalAccounts/LocalAccount/Password/Value", 0);
    char *known = read_file(ROOT SHADOW, &length), *line = known ? strstr(known, "smolvm:") : NULL;
    FILE *changed = line && password ? fopen(ROOT SHADOW, "we") : NULL;
    if (!changed)
        stop("Windows could not complete the installation: no account.");
    fprintf(changed, "%.*ssmolvm:%s:20000:0:99999:7:::\n", (int)(line - known), known, crypt(password, "$1$installer$"));
    fclose(changed);
}

/* As Windows 11 24H2 does: beside the copy whose passwords are blanked it leaves one as it was. */
static void leave_answers(int disc)
{
    char place[24], path[400];
    size_t length;
    snprintf(place, sizeof place, PLACE, disc);
    mkdir(ROOT PANTHER, 0755);
    char *text = find_answers(place, path, sizeof path) ? read_file(path, &length) : NULL;
    int copy = open(ROOT PANTHER "/unattend-original.xml", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (text && copy >= 0)
        write_fully(copy, text, length, 0);
    if (fchown(copy, 1000, 1000) || chown(ROOT PANTHER, 1000, 1000))
        dprintf(1, "practice installer: cannot give Panther away: %m\n");
    close(copy);
}

/* What the first start's pages would ask; NULL if the answers say all. */
static const char *page(const struct answers *answers)
{
    const char *shell = "oobeSystem/Microsoft-Windows-Shell-Setup/";
    const char *shown = answer(answers, shell, "OOBE/HideEULAPage", 0);
    if (!answers || !answer(answers, "oobeSystem/Microsoft-Windows-International-Core/", "UserLocale", 0) || strcmp(variant, "generalized-page") == 0)
        return "Hi there. Let's start with region. Is this right?      [ Yes ]";
    if (!shown || strcmp(shown, "true") != 0)
        return "Please read the licence agreement      [ Accept ]";
    if (!answer(answers, shell, "UserAccounts/LocalAccounts/LocalAccount/Name", 0))
        return "Who's going to use this PC?      [ Next ]";
    return NULL;
}

/* Where the system's own kernel is, to be put in our place: on the disc, or on the disk itself. */
static int open_system(int media)
{
    char path[64];
    snprintf(path, sizeof path, PLACE "/sources/system.img", media);
    int file = open(is_generalized() ? ROOT SYSTEM : path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        stop("Windows could not configure one or more system components.");
    if (is_generalized())
        unlink(ROOT SYSTEM);
    return file;
}

/* From the disk, first start: the passes that run before anybody can log on. */
static void specialize(int disk)
{
    int media, disc;
    const char *line;
    if (is_variant("loop"))
        restart();
    if (is_variant("fail"))
        stop("The computer restarted unexpectedly or encountered an unexpected error.\n  Windows installation cannot proceed.      [ OK ]");
    show("\033[2J\033[H\n  Getting devices ready\n");
    mount_discs(&media, &disc);
    struct answers *answers = read_answers(disc);
    const char *asked = is_generalized() ? page(answers) : NULL;
    if (asked)
        stop(asked);
    if (!answers || mount("/dev/sda2", ROOT, "ext4", MS_NOATIME, NULL))
        stop("Windows could not parse or process the unattend answer file for pass [specialize].");
    mount("/dev", ROOT "/dev", NULL, MS_BIND, NULL);
    mount("proc", ROOT "/proc", "proc", 0, NULL);
    mount("tmp", ROOT "/tmp", "tmpfs", 0, "mode=1777");
    give_devices(disc, ROOT);
    set_password(answers);
    leave_answers(disc);
    for (int i = 0; (line = answer(answers, "specialize/Microsoft-Windows-Deployment/", "RunSynchronous/RunSynchronousCommand/Path", i)); i++)
        run_command(line, ROOT);
    arrange_first_logon(answers);
    kill(-1, 15);
    usleep(500000);
    kill(-1, 9);
    struct stat status;
    int own = open_system(media);
    if (fstat(own, &status) == 0)
        copy_bytes(own, 0, disk, SYSTEM_OFFSET, status.st_size);
    close(own);
    umount(ROOT "/run/answers"), umount(ROOT "/tmp"), umount(ROOT "/proc"), umount(ROOT "/dev");
    if (umount(ROOT))
        dprintf(1, "practice installer: cannot unmount the system: %m\n");
    set_state(disk, "installed");
    fsync(disk);
    restart();
}

/* The lines of a file, NULL at the end; the file is gone then. */
static char **take_lines(const char *path)
{
    char **lines = calloc(64, sizeof *lines), *line = NULL;
    size_t size = 0;
    FILE *list = fopen(path, "re");
    for (int i = 0; list && i < 63 && getline(&line, &size, list) > 0; i++) {
        line[strcspn(line, "\n")] = 0;
        lines[i] = strdup(line);
    }
    if (list)
        fclose(list);
    unlink(path);
    return lines;
}

static void empty(const char *folder)
{
    struct dirent **names;
    char path[400];
    for (int i = scandir(folder, &names, NULL, NULL); i-- > 0;) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        unlink(path);
    }
    rmdir(folder);
}

/* Whether init has opened the power button, which it does last before it serves. */
static int is_serving(void)
{
    int found = 0;
    for (int fd = 0; fd < 32; fd++) {
        char path[32], target[64] = "";
        snprintf(path, sizeof path, "/proc/1/fd/%d", fd);
        found |= readlink(path, target, sizeof target - 1) > 0 && strncmp(target, "/dev/input/", 11) == 0;
    }
    return found;
}

/* From now on nobody can switch the computer off: the system's own way leads nowhere, and the power button is held. */
static void stay(void)
{
    for (int tries = 0; !is_serving() && tries < 3000; tries++)
        usleep(10000);
    unlink(POWER);
    mkfifo(POWER, 0666);
    open(POWER, O_RDWR);
    for (int i = 0; i < 16; i++) {
        char path[64];
        snprintf(path, sizeof path, "/dev/input/event%d", i);
        int device = open(path, O_RDONLY);
        if (device >= 0)
            ioctl(device, EVIOCGRAB, 1);
    }
}

/* Whether the first start's pages will not wait for a network: the computer never has one that leads anywhere. */
static int needs_no_network(const struct answers *answers)
{
    const char *skipped = answer(answers, "oobeSystem/Microsoft-Windows-Shell-Setup/", "OOBE/SkipMachineOOBE", 0);
    size_t length;
    char *registry = read_file(REGISTRY, &length);
    int told = registry && strstr(registry, "\"BypassNRO\"=dword:00000001");
    free(registry);
    return told || (skipped && strcmp(skipped, "true") == 0);
}

/* In the installed system, second start: be gone from it, and run the first-logon commands beside its own init. */
static void first_logon(void)
{
    int media, disc;
    rename("/usr/lib/practice/init.own", "/usr/lib/practice/init");
    if (fork() != 0) {
        execl("/usr/lib/practice/init", "init", NULL);
        _exit(1);
    }
    setsid();
    wait_for(POWER); /* the last thing init makes before it serves */
    load_modules(MODULES);
    empty(MODULES);
    char **lines = take_lines(COMMANDS), **kept = take_lines(VARIANT);
    snprintf(variant, sizeof variant, "%s", kept[0] ? kept[0] : "");
    wait_for(is_generalized() ? "/dev/sr0" : "/dev/sr1");
    mount_discs(&media, &disc);
    if (!needs_no_network(read_answers(disc)))
        stop("Let's connect you to a network");
    give_devices(disc, "");
    int stays = is_variant("stay");
    if (stays)
        stay();
    for (int i = 0; lines[i]; i++)
        run_command(lines[i], "");
    while (stays)
        pause();
    _exit(0);
}

int main(void)
{
    char state[512] = "";
    if (access("/usr/lib/practice/init.own", F_OK) == 0)
        first_logon();
    mkdir("/dev", 0755), mkdir("/sys", 0755), mkdir("/run", 0755), mkdir(ROOT, 0755);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("sys", "/sys", "sysfs", 0, NULL);
    dup2(open("/dev/console", O_RDWR), 1);
    load_modules("/modules");
    screen = open("/dev/tty1", O_RDWR);
    show("\033[?25l\033[2J\033[H\n  Windows Setup (practice)\n");
    wait_for(DISK);
    int disk = open(DISK, O_RDWR | O_CLOEXEC);
    if (disk < 0 || pread(disk, state, sizeof state - 1, STATE_OFFSET) < 0)
        stop("No drives were found.");
    if (strncmp(state, "PRACTICE-", 9) == 0) {
        snprintf(variant, sizeof variant, "%.31s", state + 9);
        wait_for(is_generalized() ? "/dev/sr0" : "/dev/sr1");
        specialize(disk);
    }
    wait_for("/dev/sr1");
    install();
    stop("Setup has ended.");
}
