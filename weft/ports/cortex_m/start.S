// Start-up code and vectors of a Cortex-M3 or M4 with 32 interrupt lines.
    .syntax unified
    .thumb
    .section .vectors, "a"
    .globl weft_vectors
weft_vectors:
    .word weft_stack_top
    .word weft_reset
    .word fault              // NMI
    .word fault              // hard fault
    .word fault              // memory management
    .word fault              // bus fault
    .word fault              // usage fault
    .word 0, 0, 0, 0
    .word fault              // SVC
    .word fault              // debug monitor
    .word 0
    .word fault              // PendSV
    .word fault              // SysTick
    .word weft_irq_0
    .word weft_irq_1
    .word weft_irq_2
    .word weft_irq_3
    .word weft_irq_4
    .word weft_irq_5
    .word weft_irq_6
    .word weft_irq_7
    .word weft_irq_8
    .word weft_irq_9
    .word weft_irq_10
    .word weft_irq_11
    .word weft_irq_12
    .word weft_irq_13
    .word weft_irq_14
    .word weft_irq_15
    .word weft_irq_16
    .word weft_irq_17
    .word weft_irq_18
    .word weft_irq_19
    .word weft_irq_20
    .word weft_irq_21
    .word weft_irq_22
    .word weft_irq_23
    .word weft_irq_24
    .word weft_irq_25
    .word weft_irq_26
    .word weft_irq_27
    .word weft_irq_28
    .word weft_irq_29
    .word weft_irq_30
    .word weft_irq_31

    // A line that no function was bound to goes to the one that looks into the table of attach_interrupt().
    .macro line n
    .weak weft_irq_\n
    .thumb_set weft_irq_\n, unbound
    .endm
    .section .text.weft_unbound, "ax"
    .thumb_func
unbound:
    b weft_attached_interrupt
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    line \n
    .endr

    .section .text.weft_reset, "ax"
    .globl weft_reset
    .thumb_func
weft_reset:
    ldr r0, =weft_data_start
    ldr r1, =weft_data_end
    ldr r2, =weft_data_load
1:  cmp r0, r1
    bhs 2f
    ldr r3, [r2], #4
    str r3, [r0], #4
    b 1b
2:  ldr r0, =weft_bss_start
    ldr r1, =weft_bss_end
    movs r2, #0
3:  cmp r0, r1
    bhs 4f
    str r2, [r0], #4
    b 3b
4:  cpsid i
    bl weft_start
    .ltorg

    // The stack may be what is wrong: the report has one of its own. What the hardware has saved of the interrupted code
    // stands at the old stack pointer, if it could be saved.
    .section .text.weft_fault_entry, "ax"
    .thumb_func
fault:
    mrs r0, ipsr
    mov r1, sp
    ldr r2, =weft_fault_stack_top
    mov sp, r2
    mov r2, lr
    bl weft_fault_cortex_m
    b .
    .ltorg

    .section .bss.weft_fault_stack, "aw", %nobits
    .balign 8
    .skip 512
weft_fault_stack_top:
