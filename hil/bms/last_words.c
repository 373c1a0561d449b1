/* What is left to do where firmware ends a process that nobody watches over: to say so, and to end with an exit code. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "last_words.h"

#ifndef _WIN32
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
    Py_buffer beat, words;
    int code;
    pid_t process; /* not of a child that firmware has forked */
} last;

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { KINDS = sizeof crashes / sizeof *crashes };
static struct sigaction before[KINDS];
static char stack[1 << 15]; /* of its own: firmware may have used up the other one */

/* Only what POSIX allows in a signal handler. What comes between two calls of firmware is none of its doing. */
static void say_in_a_call(void)
{
    if (*(volatile uint64_t *)last.beat.buf % 2 && getpid() == last.process) {
        (void)!write(STDERR_FILENO, last.words.buf, (size_t)last.words.len);
        _exit(last.code);
    }
}

static void crashed(int number)
{
    say_in_a_call();
    for (int k = 0; k < KINDS; k++) sigaction(crashes[k], &before[k], NULL);
    raise(number);
}

/* Firmware has called exit(); what it printed before is not lost. */
static void left(void)
{
    if (last.beat.obj == NULL) return;
    fflush(NULL);
    say_in_a_call();
}

PyObject *forget_last_words(PyObject *self, PyObject *ignored)
{
    (void)self, (void)ignored;
    if (last.beat.obj != NULL) {
        for (int k = 0; k < KINDS; k++) sigaction(crashes[k], &before[k], NULL);
        PyBuffer_Release(&last.beat);
        PyBuffer_Release(&last.words);
    }
    Py_RETURN_NONE;
}

PyObject *last_words(PyObject *self, PyObject *args)
{
    static int heard;
    PyObject *beat, *words;
    int code;
    if (!PyArg_ParseTuple(args, "OSi", &beat, &words, &code)) return NULL;
    Py_XDECREF(forget_last_words(self, NULL));
    if (PyObject_GetBuffer(beat, &last.beat, PyBUF_WRITABLE) < 0) return NULL;
    if (last.beat.len < (Py_ssize_t)sizeof(uint64_t) || PyObject_GetBuffer(words, &last.words, PyBUF_SIMPLE) < 0) {
        PyBuffer_Release(&last.beat);
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a sign of life begins with a word of 8 bytes");
        return NULL;
    }
    last.code = code;
    last.process = getpid();
    heard = heard || atexit(left) == 0;
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&own, NULL);
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (int k = 0; k < KINDS; k++) sigaction(crashes[k], &action, &before[k]);
    Py_RETURN_NONE;
}
#else
PyObject *forget_last_words(PyObject *self, PyObject *ignored)
{
    (void)self, (void)ignored;
    Py_RETURN_NONE;
}

PyObject *last_words(PyObject *self, PyObject *args)
{
    (void)args;
    return forget_last_words(self, NULL); /* not there: a crash ends the process without a word */
}
#endif
