/* Thin binding: C-contiguous buffers of doubles in place; the GIL is held, for a call takes microseconds. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "drive.h"

#define MOST_STEPS 10000000

static int take(PyObject *object, Py_buffer *buffer, size_t size, const char *what)
{
    if (PyObject_GetBuffer(object, buffer, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) return -1;
    if (buffer->format == NULL || strcmp(buffer->format, "d") != 0 || (size_t)buffer->len != size) {
        PyErr_Format(PyExc_ValueError, "%s must be %zu C-contiguous doubles", what, size / sizeof(double));
        PyBuffer_Release(buffer);
        return -1;
    }
    return 0;
}

/* (type, state, request, speed, low, high, link, dt_s, steps) -> (mean torque, mean power) */
static PyObject *py_advance(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    Py_buffer type, state;
    double given[6], torque = 0.0, power = 0.0;
    if (count != 9) {
        PyErr_Format(PyExc_TypeError, "takes 9 arguments, not %zd", count);
        return NULL;
    }
    for (size_t n = 0; n < 6; n++) given[n] = PyFloat_AsDouble(args[2 + n]);
    const long steps = PyLong_AsLong(args[8]);
    if (PyErr_Occurred()) return NULL;
    int good = given[5] > 0.0 && given[4] > 0.0 && given[2] <= 0.0 && given[3] >= 0.0 && steps > 0
               && steps <= MOST_STEPS;
    for (size_t n = 0; n < 6; n++) good = good && isfinite(given[n]);
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "needs low <= 0 <= high, a positive link voltage and step, all finite, and"
                                          " 1 to 10000000 steps");
        return NULL;
    }
    if (take(args[0], &type, sizeof(drive_type), "type") < 0) return NULL;
    if (take(args[1], &state, sizeof(drive_state), "state") < 0) {
        PyBuffer_Release(&type);
        return NULL;
    }
    drive_state *at = state.buf;
    for (long n = 0; n < steps; n++) {
        drive_step(type.buf, at, given[0], given[1], given[2], given[3], given[4], given[5]);
        torque += at->torque_Nm;
        power += at->torque_Nm * given[1] + at->loss_W;
    }
    PyBuffer_Release(&type);
    PyBuffer_Release(&state);
    return Py_BuildValue("dd", torque / (double)steps, power / (double)steps);
}

static PyMethodDef methods[] = {
    {"advance", (PyCFunction)(void (*)(void))py_advance, METH_FASTCALL, "Steps; mean torque and power."},
    {NULL, NULL, 0, NULL},
};

#define AT(name, field) {#name, offsetof(drive_state, field) / sizeof(double)}
static const struct {
    const char *name;
    long value;
} constants[] = {
    {"TYPE_SIZE", sizeof(drive_type) / sizeof(double)},
    {"STATE_SIZE", sizeof(drive_state) / sizeof(double)},
    AT(TORQUE, torque_Nm), AT(LOSS, loss_W), AT(REQUEST, request_Nm), AT(FLUX, motor.flux_Wb), AT(ID, motor.id_A),
    AT(IQ, motor.iq_A), AT(ELECTRIC, motor.electric_rad_s), AT(VD, motor.vd_V), AT(VQ, motor.vq_V),
    AT(COPPER, motor.copper_W), AT(IRON, motor.iron_W), AT(INVERTER, motor.inverter_W), AT(STORED, motor.stored_W),
    AT(RIPPLE_A, motor.ripple_A), AT(RIPPLE_V, motor.ripple_V),
};

static int fill(PyObject *module)
{
    for (size_t n = 0; n < sizeof constants / sizeof *constants; n++)
        if (PyModule_AddIntConstant(module, constants[n].name, constants[n].value) < 0) return -1;
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_drive", "Traction drives in C.", 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__drive(void) { return PyModuleDef_Init(&definition); }
