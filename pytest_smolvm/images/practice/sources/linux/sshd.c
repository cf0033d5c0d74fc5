/* Loaded into OpenSSH's sshd: lets it tell exit codes of 32 bits, as Windows' sshd does.
 *
 * A Linux process ends with 8 bits. When sshd reaps a shell, waitpid here looks up the whole code that the shell has left
 * in a file, puts it into a table and hands sshd the row's number as the 8 bits. When sshd then encrypts an "exit-status"
 * packet, the number in it is replaced by the row's code. The number travels inside the packet, so it does not matter when
 * sshd sends it. A shell killed by a signal counts as ended with 0: Windows' sshd never sends "exit-signal". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE_OFFSET 1 /* a packet begins with its padding's length */
#define NAME_OFFSET 6
#define STATUS_OFFSET 22
#define CHANNEL_REQUEST 98

static const char name[] = "\0\0\0\x0b" "exit-status";
static uint32_t codes[256];
static unsigned int rows;

static uint32_t code_of(pid_t pid, int status)
{
    char path[64];
    uint32_t code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    snprintf(path, sizeof path, "/run/practice/exit.%d", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        uint32_t whole;
        if (read(fd, &whole, sizeof whole) == sizeof whole)
            code = whole;
        close(fd);
        unlink(path);
    }
    return code;
}

pid_t waitpid(pid_t wanted, int *status, int options)
{
    static pid_t (*real)(pid_t, int *, int);
    if (!real)
        real = dlsym(RTLD_NEXT, "waitpid");
    pid_t pid = real(wanted, status, options);
    if (pid > 0 && status && getuid() != 0) { /* the process that runs the user's shells */
        unsigned int row = rows++ % 256;
        codes[row] = code_of(pid, *status);
        *status = row << 8;
    }
    return pid;
}

int EVP_Cipher(void *context, unsigned char *out, const unsigned char *in, unsigned int length)
{
    static int (*real)(void *, unsigned char *, const unsigned char *, unsigned int);
    unsigned char packet[64];
    if (!real)
        real = dlsym(RTLD_NEXT, "EVP_Cipher");
    if (in && length == 32 && in[MESSAGE_OFFSET] == CHANNEL_REQUEST && memcmp(in + NAME_OFFSET, name, 15) == 0 && getuid() != 0) {
        uint32_t code;
        memcpy(packet, in, length);
        code = codes[packet[STATUS_OFFSET + 3]];
        for (int i = 0; i < 4; i++)
            packet[STATUS_OFFSET + i] = code >> (24 - 8 * i);
        in = packet;
    }
    return real(context, out, in, length);
}

/* Whatever signal a client sends ends the request: the shell passes it on as the end of its whole tree. */
int killpg(pid_t group, int signal_number)
{
    return kill(-group, signal_number == SIGKILL || signal_number > 0 ? SIGTERM : signal_number);
}
