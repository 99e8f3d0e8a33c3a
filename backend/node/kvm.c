#include "backend/node/facts.h"

#include "backend/proc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

enum { CPUID_VMX = 1 << 5, CPUID_SVM = 1 << 2 };

/* What the processor itself says, and what the kernel made of it: the kernel takes the
 * flag away when firmware has locked the feature. */
static const char *processor_feature(void)
{
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d) && c & CPUID_VMX)
        return "vmx";
    if (__get_cpuid(0x80000001, &a, &b, &c, &d) && c & CPUID_SVM)
        return "svm";
    return NULL;
}

static gboolean kernel_has_flag(const char *flag)
{
    ProcFile file = PROC_FILE_CLOSED;
    gboolean found = FALSE;
    if (proc_file_open(&file, "/proc/cpuinfo", NULL) && proc_file_read(&file, NULL)) {
        const char *line = file.text;
        while (strncmp(line, "flags", 5) != 0 && proc_scan_line(&line))
            continue;
        const char *word;
        size_t length;
        while (!found && proc_scan_word(&line, &word, &length))
            found = length == strlen(flag) && memcmp(word, flag, length) == 0;
    }
    proc_file_close(&file);
    return found;
}

static char *why_no_device(void)
{
    const char *feature = processor_feature();
    if (!feature)
        return g_strdup("the processor has neither vmx nor svm; in a virtual machine, switch "
                        "on nested virtualisation in its host");
    if (!kernel_has_flag(feature))
        return g_strdup("virtualisation is switched off in the firmware; switch on VT-x or SVM "
                        "in the BIOS setup");
    return g_strdup_printf("/dev/kvm is missing although the processor has %s; try 'modprobe "
                           "%s', and see 'dmesg' whether the firmware has it switched off",
                           feature, *feature == 'v' ? "kvm_intel" : "kvm_amd");
}
#else
static char *why_no_device(void)
{
    return g_strdup("/dev/kvm is missing; the kernel was not started in a mode that allows "
                    "virtualisation, or lacks KVM");
}
#endif

static char *why_not_opened(int reason)
{
    switch (reason) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return why_no_device();
    case EACCES:
    case EPERM:
        return g_strdup("no permission to open /dev/kvm; the agent must run as root, and a "
                        "container must be given the device");
    default:
        return g_strdup_printf("can't open /dev/kvm: %s", g_strerror(reason));
    }
}

gboolean node_kvm_probe(char **reason)
{
    int device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (device < 0) {
        *reason = why_not_opened(errno);
        return FALSE;
    }
    char *problem = NULL;
    int version = ioctl(device, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION) {
        problem =
            g_strdup_printf("/dev/kvm speaks version %d, not %d", version, KVM_API_VERSION);
    } else {
        int machine = ioctl(device, KVM_CREATE_VM, 0);
        if (machine >= 0)
            (void)close(machine);
        else if (errno == EBUSY)
            problem = g_strdup("another hypervisor has the processor's virtualisation in use");
        else
            problem = g_strdup_printf("KVM can't make a machine: %s", g_strerror(errno));
    }
    (void)close(device);
    if (problem)
        *reason = problem;
    return !problem;
}
