/* A plugin for QEMU (plugin interface version 1, QEMU 6 and later) that counts guest instructions between marks: exact, and
 * the same in every run under -icount shift=0.
 *
 * A mark is `slti x0, x0, N` on RISC-V (a hint that does nothing), `dbg #N` on Thumb, or an address: at=0xADDR:N. `wfi` is
 * mark 31. Marks in the code are not counted themselves; addresses and wfi are instructions of the program, and are.
 *
 * Written at the end, to the file in MARKS_OUT or standard error:
 *     mark A B n=… min=… max=… sum=…      from each mark A to the mark B that came next
 *     masked n=… max=… at=0x…             sections with interrupts held up, from the instruction that masks to the one that
 *                                         lets in again, and where the longest begins; without waits in wfi
 *     masked-after A max=…                the longest of those that began between a mark A and the next mark
 *
 * The few declarations of the interface that are used are written out: Debian has no package with the header. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct {
    const char* target_name; /* more follows; only this is used */
} qemu_info_t;
typedef void (*executed)(unsigned int cpu, void* data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t,
                                           void (*)(qemu_plugin_id_t, struct qemu_plugin_tb*));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
const void* qemu_plugin_insn_data(const struct qemu_plugin_insn*);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn*);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn*);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn*, executed, int flags, void* data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn*, int operation, void* counter,
                                                uint64_t by);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void*), void*);
EXPORTED int qemu_plugin_version = 1;
EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc, char** argv);

enum { marks = 32, wfi_mark = 31, most_addresses = 16 };

static bool riscv;
static uint64_t count;
static int last_mark = -1;
static uint64_t last_count;
static struct {
    uint64_t n, sum, min, max;
} spans[marks][marks];
static struct {
    uint64_t address;
    int mark;
} addresses[most_addresses];
static int address_count;

static bool masked;
static uint64_t masked_since, masked_at, masked_n, masked_max, masked_max_at, masked_max_after[marks];
static int masked_after;

static void on_mark(unsigned int cpu, void* data) {
    (void)cpu;
    int mark = (int)(intptr_t)data;
    if (last_mark >= 0) {
        uint64_t d = count - last_count;
        if (!spans[last_mark][mark].n || d < spans[last_mark][mark].min) spans[last_mark][mark].min = d;
        if (d > spans[last_mark][mark].max) spans[last_mark][mark].max = d;
        spans[last_mark][mark].n++;
        spans[last_mark][mark].sum += d;
    }
    last_mark = mark;
    last_count = count;
}

static void on_mask(unsigned int cpu, void* data) {
    (void)cpu;
    if (masked) return; /* nested: the outer one counts */
    masked = true;
    masked_since = count;
    masked_at = (uint64_t)(uintptr_t)data;
    masked_after = last_mark;
}
static void on_unmask(unsigned int cpu, void* data) {
    (void)cpu;
    (void)data;
    if (!masked) return;
    masked = false;
    masked_n++;
    if (masked_after >= 0 && count - masked_since > masked_max_after[masked_after])
        masked_max_after[masked_after] = count - masked_since;
    if (count - masked_since > masked_max) {
        masked_max = count - masked_since;
        masked_max_at = masked_at;
    }
}

static uint32_t word_of(const struct qemu_plugin_insn* i) {
    const uint8_t* d = qemu_plugin_insn_data(i);
    uint32_t w = d[0] | (uint32_t)d[1] << 8;
    if (qemu_plugin_insn_size(i) == 4) w |= (uint32_t)d[2] << 16 | (uint32_t)d[3] << 24;
    return w;
}

/* The instruction's mark; -1 for none. */
static int mark_of(uint32_t w, size_t size) {
    if (riscv) {
        if (w == 0x10500073) return wfi_mark;
        if (size == 4 && (w & 0xfffff) == 0x02013 && w >> 20 && w >> 20 < wfi_mark) return (int)(w >> 20);
    } else {
        if (size == 2 && w == 0xbf30) return wfi_mark;
        if (size == 4 && (w & 0xfff0ffff) == 0x80f0f3af) return (int)(w >> 16 & 15);
    }
    return -1;
}
/* RISC-V: csrrc[i] and csrrs[i] of mstatus with the interrupt bit, mret. Thumb: cpsid i, msr basepri_max; cpsie i, msr
 * basepri. What a conditional unlock does with a saved state that was masked is taken for the end, too. */
static bool masks(uint32_t w, size_t size) {
    if (riscv) return size == 4 && (w & 0xfffff07f) == 0x30047073; /* csrrci rd, mstatus, 8 */
    return (size == 2 && w == 0xb672) || (size == 4 && (w & 0xfffffff0) == 0x8812f380);
}
static bool unmasks(uint32_t w, size_t size) {
    if (riscv)
        return size == 4 && (w == 0x30200073 || (w & 0xfffff07f) == 0x30046073 ||
                             ((w & 0xfff07fff) == 0x30002073 && w & 0xf8000));
    return (size == 2 && w == 0xb662) || (size == 4 && (w & 0xfffffff0) == 0x8811f380);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb* tb) {
    (void)id;
    for (size_t n = 0; n < qemu_plugin_tb_n_insns(tb); n++) {
        struct qemu_plugin_insn* i = qemu_plugin_tb_get_insn(tb, n);
        size_t size = qemu_plugin_insn_size(i);
        uint64_t address = qemu_plugin_insn_vaddr(i);
        uint32_t w = word_of(i);
        int mark = mark_of(w, size);
        if (mark >= 0) qemu_plugin_register_vcpu_insn_exec_cb(i, on_mark, 0, (void*)(intptr_t)mark);
        if (mark >= 0 && mark != wfi_mark) continue;
        for (int k = 0; k < address_count; k++)
            if (addresses[k].address == address) {
                qemu_plugin_register_vcpu_insn_exec_cb(i, on_mark, 0, (void*)(intptr_t)addresses[k].mark);
                if (riscv) qemu_plugin_register_vcpu_insn_exec_cb(i, on_mask, 0, (void*)(uintptr_t)address);
            }
        if (masks(w, size)) qemu_plugin_register_vcpu_insn_exec_cb(i, on_mask, 0, (void*)(uintptr_t)address);
        qemu_plugin_register_vcpu_insn_exec_inline(i, 0, &count, 1);
        if (unmasks(w, size)) qemu_plugin_register_vcpu_insn_exec_cb(i, on_unmask, 0, NULL);
    }
}

static void on_end(qemu_plugin_id_t id, void* data) {
    (void)id;
    (void)data;
    const char* name = getenv("MARKS_OUT");
    FILE* out = name ? fopen(name, "w") : stderr;
    if (!out) return;
    for (int a = 0; a < marks; a++)
        for (int b = 0; b < marks; b++)
            if (spans[a][b].n)
                fprintf(out, "mark %d %d n=%" PRIu64 " min=%" PRIu64 " max=%" PRIu64 " sum=%" PRIu64 "\n", a,
                        b, spans[a][b].n, spans[a][b].min, spans[a][b].max, spans[a][b].sum);
    fprintf(out, "masked n=%" PRIu64 " max=%" PRIu64 " at=0x%" PRIx64 "\n", masked_n, masked_max,
            masked_max_at);
    for (int a = 0; a < marks; a++)
        if (masked_max_after[a]) fprintf(out, "masked-after %d max=%" PRIu64 "\n", a, masked_max_after[a]);
    fprintf(out, "instructions %" PRIu64 "\n", count);
    fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc, char** argv) {
    riscv = strncmp(info->target_name, "riscv", 5) == 0;
    for (int i = 0; i < argc; i++) {
        char* end;
        if (strncmp(argv[i], "at=", 3) != 0 || address_count == most_addresses) {
            fprintf(stderr, "count: what is %s?\n", argv[i]);
            return 1;
        }
        addresses[address_count].address = strtoull(argv[i] + 3, &end, 0);
        addresses[address_count++].mark = *end == ':' ? atoi(end + 1) : 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
