// The functions of OpenSSL that the room calls, as the linker finds them: each goes on in the library itself,
// which its first call loads (tls_library.hpp, docs/adr/0062). x86-64, System V calling convention.
//
// A slot holds the function's address, or null as long as the library is not loaded. Slots have pages of their
// own, which are made read-only once they are filled: like the loader's own table after -z relro -z now.
// Names are hidden: the library's own calls of them must not end here.

#define PAGE_BITS 12

  .section .bss.whorl_tls_slots, "aw", @nobits
  .p2align PAGE_BITS
  .globl whorl_tls_slots
  .hidden whorl_tls_slots
whorl_tls_slots:
  .text

.macro trampoline name
  .pushsection .bss.whorl_tls_slots, "aw", @nobits
.Lslot_\name:
  .skip 8
  .popsection

  .globl \name
  .hidden \name
  .type \name, @function
  .p2align 4
\name:
  .cfi_startproc
  endbr64
.Lagain_\name:
  movq .Lslot_\name(%rip), %r11
  testq %r11, %r11
  jz .Lfirst_\name
  jmpq *%r11
.Lfirst_\name:
  callq first_call
  jmp .Lagain_\name
  .cfi_endproc
  .size \name, . - \name
.endm

// Loads the library, with every register kept that may hold an argument: of integers, of floating point, and
// the number of these (rax) that functions with a variable list of arguments are told.
  .type first_call, @function
  .p2align 4
first_call:
  .cfi_startproc
  pushq %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset %rbp, -16
  movq %rsp, %rbp
  .cfi_def_cfa_register %rbp
  andq $-16, %rsp
  subq $192, %rsp
  movq %rax, 0(%rsp)
  movq %rdi, 8(%rsp)
  movq %rsi, 16(%rsp)
  movq %rdx, 24(%rsp)
  movq %rcx, 32(%rsp)
  movq %r8, 40(%rsp)
  movq %r9, 48(%rsp)
  movaps %xmm0, 64(%rsp)
  movaps %xmm1, 80(%rsp)
  movaps %xmm2, 96(%rsp)
  movaps %xmm3, 112(%rsp)
  movaps %xmm4, 128(%rsp)
  movaps %xmm5, 144(%rsp)
  movaps %xmm6, 160(%rsp)
  movaps %xmm7, 176(%rsp)
  callq whorl_tls_first_call
  movaps 176(%rsp), %xmm7
  movaps 160(%rsp), %xmm6
  movaps 144(%rsp), %xmm5
  movaps 128(%rsp), %xmm4
  movaps 112(%rsp), %xmm3
  movaps 96(%rsp), %xmm2
  movaps 80(%rsp), %xmm1
  movaps 64(%rsp), %xmm0
  movq 48(%rsp), %r9
  movq 40(%rsp), %r8
  movq 32(%rsp), %rcx
  movq 24(%rsp), %rdx
  movq 16(%rsp), %rsi
  movq 8(%rsp), %rdi
  movq 0(%rsp), %rax
  leaveq
  .cfi_def_cfa %rsp, 8
  retq
  .cfi_endproc
  .size first_call, . - first_call

#define WHORL_TLS_FUNCTION(name) trampoline name
#include "net/tls_functions.inc"

  .section .bss.whorl_tls_slots, "aw", @nobits
  .p2align PAGE_BITS
  .globl whorl_tls_slots_end
  .hidden whorl_tls_slots_end
whorl_tls_slots_end:

  .section .note.GNU-stack, "", @progbits
