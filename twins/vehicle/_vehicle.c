/* Thin binding: C-contiguous buffers of doubles in place; the GIL is held, for a call takes microseconds. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "vehicle.h"

#define MOST_STEPS 1000000

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

/* (type, state, first, last, look_first, look_last, dt_s, steps) -> mean current */
static PyObject *py_advance(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    Py_buffer type, state;
    double given[5];
    if (count != 8) {
        PyErr_Format(PyExc_TypeError, "takes 8 arguments, not %zd", count);
        return NULL;
    }
    for (size_t n = 0; n < 5; n++) given[n] = PyFloat_AsDouble(args[2 + n]);
    const long steps = PyLong_AsLong(args[7]);
    if (PyErr_Occurred()) return NULL;
    int good = given[4] > 0.0 && steps > 0 && steps <= MOST_STEPS;
    for (size_t n = 0; n < 5; n++) good = good && isfinite(given[n]);
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "speeds must be finite, the step positive, and steps 1 to 1000000");
        return NULL;
    }
    if (take(args[0], &type, sizeof(vehicle_type), "type") < 0) return NULL;
    if (take(args[1], &state, sizeof(vehicle_state), "state") < 0) {
        PyBuffer_Release(&type);
        return NULL;
    }
    const double current_A = vehicle_advance(type.buf, state.buf, given[0], given[1], given[2], given[3], given[4],
                                             steps);
    PyBuffer_Release(&type);
    PyBuffer_Release(&state);
    return PyFloat_FromDouble(current_A);
}

/* (type, state, look, torque, dt_s) -> the torque to ask for next */
static PyObject *py_follow(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    Py_buffer type, state;
    double given[3];
    if (count != 5) {
        PyErr_Format(PyExc_TypeError, "takes 5 arguments, not %zd", count);
        return NULL;
    }
    for (size_t n = 0; n < 3; n++) given[n] = PyFloat_AsDouble(args[2 + n]);
    if (PyErr_Occurred()) return NULL;
    if (!isfinite(given[0]) || !isfinite(given[1]) || !isfinite(given[2]) || given[2] <= 0.0) {
        PyErr_SetString(PyExc_ValueError, "speed and torque must be finite, and the step positive");
        return NULL;
    }
    if (take(args[0], &type, sizeof(vehicle_type), "type") < 0) return NULL;
    if (take(args[1], &state, sizeof(vehicle_state), "state") < 0) {
        PyBuffer_Release(&type);
        return NULL;
    }
    const double request_Nm = vehicle_follow(type.buf, state.buf, given[0], given[1], given[2]);
    PyBuffer_Release(&type);
    PyBuffer_Release(&state);
    return PyFloat_FromDouble(request_Nm);
}

static PyMethodDef methods[] = {
    {"follow", (PyCFunction)(void (*)(void))py_follow, METH_FASTCALL, "One step with a drive elsewhere."},
    {"advance", (PyCFunction)(void (*)(void))py_advance, METH_FASTCALL, "Steps along the cycle; the mean current."},
    {NULL, NULL, 0, NULL},
};

#define AT(name, field) {#name, offsetof(vehicle_state, field) / sizeof(double)}
static const struct {
    const char *name;
    long value;
} constants[] = {
    {"GEARS", VEHICLE_GEARS},
    {"TYPE_SIZE", sizeof(vehicle_type) / sizeof(double)},
    {"STATE_SIZE", sizeof(vehicle_state) / sizeof(double)},
    AT(EMF, emf_V), AT(RESISTANCE, resistance_Ohm), AT(LOW, low_V), AT(HIGH, high_V), AT(DISCHARGE, discharge_A),
    AT(CHARGE, charge_A), AT(SOURCE, source_W), AT(PAYLOAD, payload_kg), AT(GRADE, grade), AT(SPEED, speed_m_s),
    AT(GEAR, gear), AT(TORQUE, drive.torque_Nm), AT(LOSS, drive.loss_W), AT(CURRENT, current_A), AT(LINK, link_V),
    AT(POWER, power_W), AT(WAY, way_m), AT(CHARGE_SUM, charge_As), AT(DRAWN, drawn_J), AT(FED, fed_J),
    AT(AUX, aux_J), AT(DRIVE, drive_J), AT(GEARBOX, gear_J), AT(ROLLING, rolling_J), AT(DRAG, drag_J),
    AT(CLIMB, climb_J), AT(BRAKE, brake_J), AT(SOURCED, source_J), AT(UNSERVED, unserved_J), AT(BEHIND, behind_m),
    AT(AT_DRIVE, at_drive_s), AT(AT_DISCHARGE, at_discharge_s), AT(AT_CHARGE, at_charge_s), AT(AT_GRIP, at_grip_s),
    AT(MOST, most_A), AT(LEAST, least_A),
};

static int fill(PyObject *module)
{
    for (size_t n = 0; n < sizeof constants / sizeof *constants; n++)
        if (PyModule_AddIntConstant(module, constants[n].name, constants[n].value) < 0) return -1;
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_vehicle", "Vehicle and drive in C.", 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__vehicle(void) { return PyModuleDef_Init(&definition); }
