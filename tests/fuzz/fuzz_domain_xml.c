/* Domain XML of any bytes: read, described, compared with itself. */
#include "backend/guest/kvm_xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    g_autoptr(KvmXml) xml = kvm_xml_parse((const char *)data, size, NULL);
    if (!xml)
        return 0;
    (void)kvm_xml_brief(xml);
    json_decref(kvm_xml_hardware(xml));
    g_ptr_array_unref(kvm_xml_disks(xml));
    if (kvm_xml_differ(xml, xml))
        abort();
    return 0;
}
