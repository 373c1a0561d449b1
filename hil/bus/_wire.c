/* Thin binding of wire_bits.c. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "wire_bits.h"

#define LONGEST 8 /* data bytes of a classic frame */
#define FD_LONGEST 64

/* The identifier, checked against its 11 or 29 bits; -1 with an exception set if it does not fit. */
static int64_t identifier_of(PyObject *number, int extended)
{
    unsigned long identifier = PyLong_AsUnsignedLong(number);
    if (identifier == (unsigned long)-1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
        PyErr_Clear(); /* negative or huge: it does not fit, as said below */
    }
    if (identifier >> (extended ? 29 : 11)) {
        PyErr_Format(PyExc_ValueError, "identifier %R does not fit into its bits", number);
        return -1;
    }
    return (int64_t)identifier;
}

static PyObject *frame_bits(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (count < 3 || count > 4) return PyErr_Format(PyExc_TypeError, "takes 3 or 4 arguments, not %zd", count);
    int extended = PyObject_IsTrue(args[1]), remote = count == 4 ? PyObject_IsTrue(args[3]) : 0;
    int64_t identifier = extended < 0 || remote < 0 ? -1 : identifier_of(args[0], extended);
    Py_buffer data;
    if (identifier < 0 || PyObject_GetBuffer(args[2], &data, PyBUF_SIMPLE) < 0) return NULL;
    PyObject *result = NULL;
    if (data.len > LONGEST)
        PyErr_Format(PyExc_ValueError, "%zd data bytes do not fit into a classic frame", data.len);
    else
        result = PyLong_FromLong((long)wire_bits((uint32_t)identifier, extended, remote, data.buf, (unsigned)data.len));
    PyBuffer_Release(&data);
    return result;
}

static PyObject *fd_frame_bits(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (count != 4) return PyErr_Format(PyExc_TypeError, "takes 4 arguments, not %zd", count);
    int extended = PyObject_IsTrue(args[1]), fast = PyObject_IsTrue(args[3]);
    int64_t identifier = extended < 0 || fast < 0 ? -1 : identifier_of(args[0], extended);
    Py_buffer data;
    if (identifier < 0 || PyObject_GetBuffer(args[2], &data, PyBUF_SIMPLE) < 0) return NULL;
    PyObject *result = NULL;
    if (data.len > FD_LONGEST || wire_fd_code((unsigned)data.len) > 15u)
        PyErr_Format(PyExc_ValueError, "%zd data bytes are none of CAN FD's lengths", data.len);
    else {
        fd_lengths bits = wire_fd_bits((uint32_t)identifier, extended, fast, data.buf, (unsigned)data.len);
        result = Py_BuildValue("(II)", bits.arbitration, bits.data);
    }
    PyBuffer_Release(&data);
    return result;
}

static PyMethodDef methods[] = {
    {"frame_bits", (PyCFunction)(void (*)(void))frame_bits, METH_FASTCALL,
     "Bits of a classic frame from start of frame to the end of the intermission."},
    {"fd_frame_bits", (PyCFunction)(void (*)(void))fd_frame_bits, METH_FASTCALL,
     "Bits of a CAN FD frame: up to the bit rate switch, and from there to the CRC delimiter."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    (void)module;
    wire_tables();
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_wire", "Frame lengths in C.", 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__wire(void) { return PyModuleDef_Init(&definition); }
