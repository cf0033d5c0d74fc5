/* What the boot loader of a Windows disc does first: ask for a key, and without one let the firmware go on.
 *
 * With a key it starts \INSTALL.EFI from the disc it came from itself. The few structures of the UEFI specification that
 * are needed are written out here, so that no EFI library has to be installed. */
typedef unsigned long long u64;
typedef unsigned short char16;
#define EFI __attribute__((ms_abi))
#define TIMED_OUT 0x8000000000000012ULL
#define SECONDS 5

struct key { unsigned short scan; char16 unicode; };
struct input { void *reset; u64 (EFI *read)(struct input *, struct key *); };
struct output { void *reset; u64 (EFI *print)(struct output *, const char16 *); };
struct guid { unsigned a; unsigned short b, c; unsigned char d[8]; };
struct node { unsigned char type, subtype, length[2]; };

/* EFI_BOOT_SERVICES: a header, then function pointers in a fixed order (UEFI 2.10, 4.4). */
struct boot {
    char header[24];
    void *before_protocol[16];
    u64 (EFI *protocol)(void *handle, const struct guid *, void **interface);
    void *before_load[5];
    u64 (EFI *load)(char policy, void *parent, void *path, void *source, u64 size, void **handle);
    u64 (EFI *start)(void *handle, u64 *size, char16 **data);
    void *before_stall[4];
    u64 (EFI *stall)(u64 microseconds);
};

struct table {
    char header[24];
    void *vendor;
    u64 revision;
    void *input_handle;
    struct input *input;
    void *output_handle;
    struct output *output;
    void *error_handle, *error, *runtime;
    struct boot *boot;
};

struct image { u64 revision; void *parent, *table, *device; };

static const struct guid LOADED_IMAGE = {0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const struct guid DEVICE_PATH = {0x09576e91, 0x6d3f, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const char16 PROGRAM[] = u"\\INSTALL.EFI";

/* A test that wants a firmware that gets nowhere writes "hang" over "wait" on its disc. Volatile: the compiler knows only one. */
static const volatile char manner[] = "practice prompt: wait";

static int key_pressed(struct table *system)
{
    struct key key;
    for (int tries = 0; tries < SECONDS * 20; tries++) {
        if (system->input->read(system->input, &key) == 0)
            return 1;
        if (tries % 20 == 19)
            system->output->print(system->output, u".");
        system->boot->stall(50000);
    }
    return 0;
}

static unsigned copy(unsigned char *to, const void *from, unsigned length)
{
    for (unsigned i = 0; i < length; i++)
        to[i] = ((const unsigned char *)from)[i];
    return length;
}

/* The path of a file on `device`: the device's own nodes, one for the file, and the end. */
static void file_path(const unsigned char *device, unsigned char *path)
{
    unsigned at = 0;
    for (const struct node *node = (const void *)device; node->type != 0x7f; node = (const void *)(device + at))
        at += copy(path + at, node, node->length[0] | node->length[1] << 8);
    struct node file = {4, 4, {sizeof file + sizeof PROGRAM, 0}}, end = {0x7f, 0xff, {sizeof end, 0}};
    at += copy(path + at, &file, sizeof file);
    at += copy(path + at, PROGRAM, sizeof PROGRAM);
    copy(path + at, &end, sizeof end);
}

u64 EFI start(void *handle, struct table *system)
{
    struct image *image;
    unsigned char *device, path[512];
    void *program;
    while (manner[sizeof manner - 5] == 'h')
        system->boot->stall(50000);
    system->output->print(system->output, u"\r\nPress any key to boot from CD or DVD..");
    if (!key_pressed(system))
        return TIMED_OUT;
    system->output->print(system->output, u"\r\n");
    u64 status = system->boot->protocol(handle, &LOADED_IMAGE, (void **)&image);
    if (status == 0)
        status = system->boot->protocol(image->device, &DEVICE_PATH, (void **)&device);
    if (status)
        return status;
    file_path(device, path);
    status = system->boot->load(0, handle, path, 0, 0, &program);
    return status ? status : system->boot->start(program, 0, 0);
}
