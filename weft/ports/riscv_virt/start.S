// Start-up and trap entry of QEMU's RISC-V `virt` machine, M-mode, one hart or two.
#if __riscv_xlen == 64
#define STORE sd
#define LOAD ld
#define W 8
#else
#define STORE sw
#define LOAD lw
#define W 4
#endif

    .section .text.start, "ax"
    .globl _start
_start:
    csrr a0, mhartid
#if defined(WEFT_ONE_HART)
    bnez a0, park
#else
    li t0, WEFT_HARTS
    bgeu a0, t0, park
#endif
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la t0, weft_vectors
    ori t0, t0, 1
    csrw mtvec, t0

    // Each hart's stack stands below that of the hart before.
    la sp, weft_stack_top
    la t1, weft_stack_bottom
    la t2, weft_stack_guard_end
#if !defined(WEFT_ONE_HART)
    sub t0, sp, t1
    mv t3, a0
1:  beqz t3, 2f
    sub sp, sp, t0
    sub t1, t1, t0
    sub t2, t2, t0
    addi t3, t3, -1
    j 1b
2:
#endif
    // Physical memory protection: nobody touches the words below the stack, not even machine mode (the lock bit).
    srli t1, t1, 2
    csrw pmpaddr0, t1
    srli t2, t2, 2
    csrw pmpaddr1, t2
    li t0, 0x8800        // entry 1: locked, top of range, no access; entry 0 gives its bottom
    csrw pmpcfg0, t0
#if !defined(WEFT_ONE_HART)
    bnez a0, other
#endif

    la t0, weft_bss_start
    la t1, weft_bss_end
1:  bgeu t0, t1, 2f
    STORE zero, 0(t0)
    addi t0, t0, W
    j 1b
2:  call weft_start
park:
    wfi
    j park
#if !defined(WEFT_ONE_HART)
other:                   // asleep until the first hart has got so far; pending is enough to wake it
    li t0, 8             // mie.MSIE
    csrw mie, t0
1:  wfi
    lw t0, weft_others_start
    beqz t0, 1b
    fence
    call weft_start_hart
#endif

    // Interrupts are handled masked, on the stack of what they interrupt. The registers that a call may change are saved;
    // mepc and mstatus are saved by the one who lets interrupts in again. Vectored: the hardware finds the handler.
    .section .text.weft_trap, "ax"
    .option push
    .option norvc
    .balign 256
weft_vectors:
    j fault              // exceptions
    j fault
    j fault
    j software           // 3
    j fault
    j fault
    j fault
    j timer              // 7
    j fault
    j fault
    j fault
    j external           // 11
    .option pop

    .macro enter name
\name:
    .globl weft_entry_\name
weft_entry_\name:
    addi sp, sp, -16*W
    STORE ra, 0*W(sp)
    STORE t0, 1*W(sp)
    STORE t1, 2*W(sp)
    STORE t2, 3*W(sp)
    STORE a0, 4*W(sp)
    STORE a1, 5*W(sp)
    STORE a2, 6*W(sp)
    STORE a3, 7*W(sp)
    STORE a4, 8*W(sp)
    STORE a5, 9*W(sp)
    STORE a6, 10*W(sp)
    STORE a7, 11*W(sp)
    STORE t3, 12*W(sp)
    STORE t4, 13*W(sp)
    STORE t5, 14*W(sp)
    STORE t6, 15*W(sp)
    .endm
    .macro leave
#if !defined(WEFT_ONE_HART)
    csrr a5, mhartid     // levels are the first hart's
    bnez a5, 1f
#endif
#if __riscv_xlen == 64
    lbu a5, weft_raised
#else
    lui a5, %hi(weft_raised) // a form that linkers shorten
    lbu a5, %lo(weft_raised)(a5)
#endif
    bnez a5, run_raised
1:  LOAD ra, 0*W(sp)
    LOAD t0, 1*W(sp)
    LOAD t1, 2*W(sp)
    LOAD t2, 3*W(sp)
    LOAD a0, 4*W(sp)
    LOAD a1, 5*W(sp)
    LOAD a2, 6*W(sp)
    LOAD a3, 7*W(sp)
    LOAD a4, 8*W(sp)
    LOAD a5, 9*W(sp)
    LOAD a6, 10*W(sp)
    LOAD a7, 11*W(sp)
    LOAD t3, 12*W(sp)
    LOAD t4, 13*W(sp)
    LOAD t5, 14*W(sp)
    LOAD t6, 15*W(sp)
    addi sp, sp, 16*W
    mret
    .endm

    enter software
    lui a5, 0x2000       // CLINT, msip
#if defined(WEFT_ONE_HART)
    sw zero, 0(a5)
    call weft_irq_0
#else
    csrr a4, mhartid
    slli a3, a4, 2
    add a5, a5, a3
    sw zero, 0(a5)
    fence
    bnez a4, 2f
    call weft_irq_0
2:
#endif
    leave
    enter timer
    call weft_timer_interrupt
    leave
    enter external
    call weft_external_interrupt
    leave
run_raised:
    call weft_run_raised
    leave

    // Unless it was bound at link time, what attach_interrupt() was given for it.
    .weak weft_irq_0
    .set weft_irq_0, attached
attached:
    tail weft_attached_software_interrupt

    // The stack may be what is wrong: the report has one of its own.
fault:
    mv a3, sp
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    la sp, weft_fault_stack_top
    call weft_fault
1:  j 1b

    .section .bss.weft_fault_stack, "aw", %nobits
    .balign 16
    .skip 512
weft_fault_stack_top:
