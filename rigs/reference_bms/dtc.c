/* The fault memory: what came, how often, and when first; it outlives a warm start. A full memory keeps what
 * it has, for the first faults tell the story. */
#include "dtc.h"

void dtc_store(bms_data *b, int fault)
{
    nonvolatile *nv = &b->nv;
    uint8_t code = (uint8_t)(fault + 1);
    for (int k = 0; k < nv->dtc_count; k++)
        if (nv->dtc[k].code == code) {
            if (nv->dtc[k].occurrences < UINT8_MAX)
                nv->dtc[k].occurrences++;
            return;
        }
    if (nv->dtc_count < DTC_ENTRIES)
        nv->dtc[nv->dtc_count++] = (dtc_entry){code, 1, (uint32_t)(nv->operating_ms / 100)};
}
