/* Calls of firmware behind bms.h: a frame's fields into a bms_frame and back, and a sign of life around each call. What the calls
 * mean is in library.py. The GIL is let go meanwhile: firmware may hang, and the process still has to notice that it is to end. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdbool.h>
#include <string.h>

#include "bms.h"
#include "last_words.h"

enum { CAPACITY = 64 /* frames that one step may send */, LONGEST = sizeof((bms_frame *)0)->data };

/* The numbers of heartbeat.py: odd while a call runs; which one; its bus time. */
enum { COUNTER = 0, CALL = 2, TIME = 3, WORDS = 4 };

typedef struct {
    PyObject_HEAD
    int (*receive)(uint64_t, const bms_frame *);
    int (*step)(uint64_t, bms_frame *, int32_t);
    uint64_t receiving, stepping; /* their numbers in the sign of life */
    Py_buffer beat;
    bms_frame in, out[CAPACITY];
} calls;

static void begin(calls *self, uint64_t call, uint64_t now_ns)
{
    volatile uint64_t *word = self->beat.buf; /* another process reads it */
    word[CALL] = call;
    word[TIME] = now_ns;
    word[COUNTER]++;
}

static void end(calls *self)
{
    volatile uint64_t *word = self->beat.buf;
    word[COUNTER]++;
}

static PyObject *calls_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    unsigned long long receive, step, receiving, stepping;
    PyObject *beat;
    (void)names;
    if (!PyArg_ParseTuple(args, "KKKKO", &receive, &step, &receiving, &stepping, &beat)) return NULL;
    calls *self = (calls *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL) return NULL;
    if (PyObject_GetBuffer(beat, &self->beat, PyBUF_WRITABLE) < 0) return Py_DECREF(self), NULL;
    if (self->beat.len < (Py_ssize_t)(WORDS * sizeof(uint64_t))) {
        Py_DECREF(self);
        return PyErr_Format(PyExc_ValueError, "a sign of life has %d words of 8 bytes", WORDS);
    }
    self->receive = (int (*)(uint64_t, const bms_frame *))(uintptr_t)receive;
    self->step = (int (*)(uint64_t, bms_frame *, int32_t))(uintptr_t)step;
    self->receiving = receiving;
    self->stepping = stepping;
    return (PyObject *)self;
}

static void calls_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyBuffer_Release(&((calls *)object)->beat);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static bool copy_data(bms_frame *frame, PyObject *data)
{
    Py_buffer bytes;
    if (PyObject_GetBuffer(data, &bytes, PyBUF_SIMPLE) < 0) return false;
    bool fits = bytes.len <= LONGEST;
    if (fits) {
        frame->length = (uint8_t)bytes.len;
        memcpy(frame->data, bytes.buf, (size_t)bytes.len);
        memset(frame->data + bytes.len, 0, LONGEST - (size_t)bytes.len);
    } else {
        PyErr_Format(PyExc_ValueError, "%zd data bytes do not fit into a bms_frame", bytes.len);
    }
    PyBuffer_Release(&bytes);
    return fits;
}

static PyObject *calls_receive(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    calls *self = (calls *)object;
    if (count != 6) return PyErr_Format(PyExc_TypeError, "takes 6 arguments, not %zd", count);
    uint64_t now_ns = PyLong_AsUnsignedLongLong(args[0]);
    unsigned long identifier = PyLong_AsUnsignedLong(args[1]);
    int extended = PyObject_IsTrue(args[2]);
    unsigned long bus = PyLong_AsUnsignedLong(args[3]), flags = PyLong_AsUnsignedLong(args[4]);
    if (PyErr_Occurred()) return NULL;
    bms_frame *in = &self->in;
    in->id = (uint32_t)identifier;
    in->extended = (uint8_t)extended;
    in->bus = (uint8_t)bus;
    in->flags = (uint8_t)flags;
    if (!copy_data(in, args[5])) return NULL;
    int result;
    Py_BEGIN_ALLOW_THREADS
    begin(self, self->receiving, now_ns);
    result = self->receive(now_ns, in);
    end(self);
    Py_END_ALLOW_THREADS
    return PyLong_FromLong(result);
}

static PyObject *frame_of(const bms_frame *frame)
{
    unsigned length = frame->length <= LONGEST ? frame->length : LONGEST; /* library.py refuses a longer one */
    return Py_BuildValue("(IIIIIy#)", frame->id, frame->extended, frame->length, frame->bus, frame->flags, frame->data,
                         (Py_ssize_t)length);
}

static PyObject *frames_of(const bms_frame *frames, int count)
{
    PyObject *list = PyList_New(count);
    for (int i = 0; list != NULL && i < count; i++) {
        PyObject *frame = frame_of(&frames[i]);
        if (frame == NULL) return Py_DECREF(list), NULL;
        PyList_SetItem(list, i, frame);
    }
    return list;
}

static PyObject *calls_step(PyObject *object, PyObject *now)
{
    calls *self = (calls *)object;
    uint64_t now_ns = PyLong_AsUnsignedLongLong(now);
    if (PyErr_Occurred()) return NULL;
    int count;
    Py_BEGIN_ALLOW_THREADS
    begin(self, self->stepping, now_ns);
    count = self->step(now_ns, self->out, CAPACITY);
    end(self);
    Py_END_ALLOW_THREADS
    return 0 <= count && count <= CAPACITY ? frames_of(self->out, count) : PyLong_FromLong(count);
}

static PyMethodDef functions[] = {
    {"last_words", last_words, METH_VARARGS, "From now on a crash or an exit in a call of firmware says this and ends with this exit code."},
    {"forget_last_words", forget_last_words, METH_NOARGS, "A crash is again what it was before."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef methods[] = {
    {"receive", (PyCFunction)(void (*)(void))calls_receive, METH_FASTCALL, "Call bms_receive; what it returned."},
    {"step", calls_step, METH_O, "Call bms_step: the frames that it sent, or what it returned if that is no number of frames."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "The calls that firmware gets again and again: Calls(receive, step, receiving, stepping, beat)."},
    {Py_tp_new, calls_new},
    {Py_tp_dealloc, calls_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};
static PyType_Spec spec = {"hil.bms._calls.Calls", sizeof(calls), 0, Py_TPFLAGS_DEFAULT, slots};

static int fill(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
    int result = type == NULL ? -1 : PyModule_AddObjectRef(module, "Calls", type);
    Py_XDECREF(type);
    return result;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_calls", "Calls of firmware in C.", 0, functions, module_slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__calls(void) { return PyModuleDef_Init(&definition); }
