/* Lets Debian's linux.uml (6.1) run on processors whose extended state is larger than it knows.
 *
 * It keeps 2696 bytes (AVX-512 and PKRU) for each process. With AMX the state is 10688 bytes, and a host refuses
 * PTRACE_SETREGSET of NT_X86_XSTATE with less than all of it: "ptrace set fp regs failed, errno = 14". Preloaded,
 * this fills up what is missing with zeros: the initial state of parts that no guest process uses, for using AMX
 * takes a system call (ARCH_REQ_XCOMP_PERM) that the guest's kernel does not have.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LARGEST = 1 << 16, HEADER = 512 };

static long call(long request, long pid, void *address, void *data) {
  return syscall(SYS_ptrace, request, pid, address, data);
}

/* The system call writes the word where the C library's function returns it. */
static long peek(long request, long pid, void *address) {
  long word = 0;
  return call(request, pid, address, &word) < 0 ? -1 : word;
}

/* Size of the processor's extended state, in bytes; 0 where the kernel does not tell. */
static size_t state_size(long pid) {
  static unsigned char probe[LARGEST];
  struct iovec vector = {probe, sizeof probe};
  return call(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &vector) == 0 ? vector.iov_len : 0;
}

static long set_whole_state(long pid, const struct iovec *given) {
  static _Alignas(64) unsigned char whole[LARGEST];
  static size_t size;
  if (size == 0) size = state_size(pid);
  if (size <= given->iov_len) return call(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, (void *)given);
  memcpy(whole, given->iov_base, given->iov_len);
  whole[HEADER + 2] &= 0xf9; /* XSTATE_BV bits 17, 18: AMX stays in its initial state */
  struct iovec vector = {whole, size};
  return call(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &vector);
}

/* Stands in for the C library's function: the raw system call, but for the one request above. */
long ptrace(enum __ptrace_request request, ...) {
  va_list rest;
  va_start(rest, request);
  const long pid = va_arg(rest, int);
  void *const address = va_arg(rest, void *);
  void *const data = va_arg(rest, void *);
  va_end(rest);
  if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE) return set_whole_state(pid, data);
  if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER)
    return peek(request, pid, address);
  return call(request, pid, address, data);
}
