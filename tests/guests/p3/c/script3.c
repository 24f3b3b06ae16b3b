// A guest that does what a script says, which comes in the path of its request, in hexadecimal
// digits behind the last slash. tests/support/random_scripts.py writes scripts, random_guest.py the
// table of imports that is included here.
//
// It has nothing on a stack in memory, which its tasks and threads would share: only locals and
// what belongs to a task. What it knows of handles (states) keeps most steps sensible: an end that
// is being read is not read again, unless the step is forced.
#include <stdint.h>

enum { AREAS = 256, AREA = 160, SCRATCH = 65536, TASKS = 1024, HANDLES = 65536 };

typedef enum { IDLE, BUSY, DONE, STARTED, RESOLVED } state_t;

// What the table says of each import.
typedef enum {
  PLAIN,
  STREAM_COPY,
  FUTURE_COPY,
  CANCEL_COPY,
  DROP_END,
  DROP_FUTURE_WRITER,
  NEW_ENDS,
  ASYNC_CALL,
  CANCEL_SUBTASK,
  DROP_SUBTASK,
  SET_WAIT,
  TASK_RETURN
} class_t;

typedef struct {
  const uint8_t* script;
  uint32_t length;
  uint32_t pc;     // of the callback
  uint32_t waits;  // the step whose area has the callback's event
  int32_t request;
  uint8_t returned;
  uint8_t incomplete;  // something that was stored is no handle
  uint8_t counters[AREAS];
  int64_t values[AREAS];
  uint8_t areas[AREAS][AREA];
  uint8_t scratch[SCRATCH];
} task_t;

static int64_t arguments[16];
static uint8_t states[HANDLES];
static task_t* tasks[TASKS];
static uint32_t task_count;

#include "imports.inc"

extern uint8_t __heap_base;
static uintptr_t heap_end;

// How the allocator misbehaves, once.
static uint32_t realloc_mode;
static uint32_t realloc_value;

static void* allocate(uint32_t size) {
  if (heap_end == 0) {
    heap_end = (uintptr_t)&__heap_base;
  }
  const uintptr_t at = (heap_end + 15) & ~(uintptr_t)15;
  if (size > 0x10000000) {
    __builtin_trap();
  }
  const uintptr_t limit = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
  if (at + size > limit &&
      __builtin_wasm_memory_grow(0, (at + size - limit + 65535) >> 16) == (uintptr_t)-1) {
    __builtin_trap();
  }
  heap_end = at + size;
  return (void*)at;
}

static uint32_t run(task_t* task, uint32_t pc);

__attribute__((export_name("cabi_realloc"))) void* cabi_realloc(
    void* old, uint32_t old_size, uint32_t align, uint32_t size
) {
  const uint32_t mode = realloc_mode;
  realloc_mode = 0;
  switch (mode) {
    case 1:
      return (void*)(uintptr_t)realloc_value;
    case 2:
      __builtin_trap();
    case 3:
      run(tasks[(task_count - 1) % TASKS], realloc_value);
      break;
    default:
      break;
  }
  (void)align;
  uint8_t* out = allocate(size);
  for (uint32_t i = 0; i < old_size && i < size; ++i) {
    out[i] = ((uint8_t*)old)[i];
  }
  return out;
}

static state_t state_of(uint32_t handle) {
  return handle < HANDLES ? states[handle] : IDLE;
}
static void set_state(uint32_t handle, state_t state) {
  if (handle < HANDLES) {
    states[handle] = state;
  }
}

static void copied(uint32_t handle, uint32_t result, int is_future) {
  const uint32_t how = result & 15;
  set_state(handle, how == 1 || (is_future && how == 0) ? DONE : IDLE);
}

static void note_event(uint32_t code, uint32_t handle, uint32_t payload) {
  if (code == 1 && payload >= 2) {
    set_state(handle, RESOLVED);
  } else if (code >= 2 && code <= 5) {
    copied(handle, payload, code >= 4);
  }
}

static uint32_t load32(const uint8_t* at) {
  return *(const uint32_t*)at;
}

// Reads go on behind the script's end: zeros end it.
static uint32_t byte(const task_t* task, uint32_t* pc) {
  return *pc < task->length ? task->script[(*pc)++] : 0;
}
#define BYTE() byte(task, &pc)
#define WORD() (low = BYTE(), low | BYTE() << 8)

// Whether the variants around a value are of the cases that have it.
#define GUARDED()                                         \
  for (uint32_t guards = BYTE(); guards != 0; --guards) { \
    const uint32_t at = BYTE();                           \
    const uint32_t wanted = BYTE();                       \
    if (at < AREA && task->areas[id][at] != wanted) {     \
      value = 0;                                          \
      missing = 1;                                        \
    }                                                     \
  }

// Evaluates the next expression into `value`; `missing` if it should be a handle and is none.
#define EVALUATE()                                                                              \
  do {                                                                                          \
    const uint32_t kind = BYTE();                                                               \
    int missing = 0;                                                                            \
    uint32_t id, offset;                                                                        \
    value = 0;                                                                                  \
    switch (kind & 63) {                                                                        \
      case 0:                                                                                   \
        value = (int32_t)(WORD(), low = low | BYTE() << 16, low | BYTE() << 24);                \
        break;                                                                                  \
      case 1:                                                                                   \
        for (offset = 0; offset < 64; offset += 8) value |= (int64_t)BYTE() << offset;          \
        break;                                                                                  \
      case 2:                                                                                   \
        value = (int32_t)task->values[BYTE()];                                                  \
        break;                                                                                  \
      case 3:                                                                                   \
        value = task->values[BYTE()] >> 32;                                                     \
        break;                                                                                  \
      case 4:                                                                                   \
        value = (uint32_t)task->values[BYTE()] >> 4;                                            \
        break;                                                                                  \
      case 5:                                                                                   \
        id = BYTE();                                                                            \
        GUARDED()                                                                               \
        offset = BYTE();                                                                        \
        value = missing || offset > AREA - 4 ? 0 : load32(task->areas[id] + offset);            \
        break;                                                                                  \
      case 6:                                                                                   \
        id = BYTE();                                                                            \
        GUARDED()                                                                               \
        offset = BYTE();                                                                        \
        value = missing || offset > AREA - 4 ? 0 : load32(task->areas[id] + offset);            \
        offset = BYTE();                                                                        \
        value = value == 0 ? 0 : load32((const uint8_t*)(uintptr_t)((uint32_t)value + offset)); \
        break;                                                                                  \
      case 7:                                                                                   \
        id = BYTE();                                                                            \
        value = (uintptr_t)(task->areas[id] + BYTE());                                          \
        break;                                                                                  \
      case 8:                                                                                   \
        value = (uintptr_t)(task->scratch + (WORD()));                                          \
        break;                                                                                  \
      case 9:                                                                                   \
        value = (uintptr_t)(task->script + (WORD()));                                           \
        break;                                                                                  \
      case 10:                                                                                  \
        value = task->request;                                                                  \
        break;                                                                                  \
      case 11:                                                                                  \
        value = (uintptr_t)&thread_entry;                                                       \
        break;                                                                                  \
      case 12:                                                                                  \
        value = (WORD()) | slot_of(task) << 16;                                                 \
        break;                                                                                  \
      default:                                                                                  \
        break;                                                                                  \
    }                                                                                           \
    if ((kind & 128) != 0 && value == 0) missing = 1;                                           \
    if ((kind & 64) != 0 && state_of((uint32_t)value) != IDLE) missing = 1;                     \
    if (missing && (kind & 128) != 0) skipped = 1;                                              \
  } while (0)

static uint32_t slot_of(const task_t* task) {
  for (uint32_t i = 0; i < TASKS; ++i) {
    if (tasks[i] == task) {
      return i;
    }
  }
  return 0;
}

static void thread_entry(uint32_t context) {
  task_t* task = tasks[(context >> 16) % TASKS];
  if (task != 0) {
    run(task, context & 0xffff);
  }
}

// What must be so before a call; what is so after it.
static int may_call(const task_t* task, uint32_t class) {
  const state_t state = state_of((uint32_t)arguments[0]);
  switch (class) {
    case STREAM_COPY:
    case FUTURE_COPY:
      return state == IDLE;
    case CANCEL_COPY:
      return state == BUSY;
    case DROP_END:
      return state != BUSY;
    case DROP_FUTURE_WRITER:
      return state == DONE;
    case CANCEL_SUBTASK:
      return state == STARTED;
    case DROP_SUBTASK:
      return state == RESOLVED;
    case TASK_RETURN:
      return !task->returned;
    default:
      return 1;
  }
}

static void called(task_t* task, uint32_t class, uint32_t handle, uint32_t area, int64_t result) {
  const uint32_t low = (uint32_t)result;
  switch (class) {
    case STREAM_COPY:
    case FUTURE_COPY:
      if (low == 0xffffffff) {
        set_state(handle, BUSY);
      } else {
        copied(handle, low, class == FUTURE_COPY);
      }
      break;
    case CANCEL_COPY:
      if (low != 0xffffffff) {
        copied(handle, low, 0);
      }
      break;
    case NEW_ENDS:
      set_state(low, IDLE);
      set_state((uint32_t)(result >> 32), IDLE);
      break;
    case ASYNC_CALL:
      set_state(low >> 4, (low & 15) == 2 ? RESOLVED : STARTED);
      break;
    case CANCEL_SUBTASK:
      if (low != 0xffffffff) {
        set_state(handle, RESOLVED);
      }
      break;
    case DROP_END:
    case DROP_FUTURE_WRITER:
    case DROP_SUBTASK:
      set_state(handle, IDLE);
      break;
    case SET_WAIT:
      note_event(
          low, load32((const uint8_t*)(uintptr_t)area), load32((const uint8_t*)(uintptr_t)area + 4)
      );
      break;
    case TASK_RETURN:
      task->returned = 1;
      break;
    default:
      break;
  }
}

static uint32_t run(task_t* task, uint32_t pc) {
  for (;;) {
    uint32_t low = 0;
    int64_t value = 0;
    int skipped = 0;
    switch (BYTE()) {
      case 1: {  // call: flags, step, import, number of arguments, arguments
        const uint32_t forced = BYTE();
        const uint32_t step = BYTE();
        const uint32_t import = WORD();
        const uint32_t count = BYTE();
        for (uint32_t i = 0; i < count && i < 16; ++i) {
          EVALUATE();
          arguments[i] = value;
        }
        const uint32_t class = import < IMPORTS ? classes[import] : PLAIN;
        if (import < IMPORTS &&
            (forced || (!skipped && !task->incomplete && may_call(task, class)))) {
          const uint32_t handle = (uint32_t)arguments[0];
          const uint32_t area = (uint32_t)arguments[1];
          const int64_t result = call_import(import);
          task->values[step] = result;
          called(task, class, handle, area, result);
        }
        task->incomplete = 0;
        break;
      }
      case 2: {  // store: width, place in the scratch memory, value
        const uint32_t width = BYTE();
        uint8_t* at = task->scratch + (WORD());
        EVALUATE();
        task->incomplete |= skipped;
        for (uint32_t i = 0; i < width && i < 8; ++i) {
          at[i] = (uint8_t)(value >> (8 * i));
        }
        break;
      }
      case 3: {  // return to the event loop: step, code, set
        task->waits = BYTE();
        const uint32_t code = BYTE();
        EVALUATE();
        if (!skipped) {
          task->pc = pc;
          return code | (uint32_t)value << 4;
        }
        break;
      }
      case 4:
        __builtin_trap();
      case 5:  // the allocator: mode, value
        realloc_mode = BYTE();
        EVALUATE();
        realloc_value = (uint32_t)value;
        break;
      case 6: {  // repeat: counter, times, from where
        const uint32_t counter = BYTE();
        const uint32_t times = BYTE();
        const uint32_t from = WORD();
        if (task->counters[counter] < times) {
          ++task->counters[counter];
          pc = from;
        }
        break;
      }
      default:
        return 0;
    }
  }
}

static uint32_t digit(uint8_t letter) {
  return letter <= '9' ? letter - '0' : (letter | 32) - 'a' + 10;
}

static task_t* begin(int32_t request) {
  task_t* task = allocate(sizeof(task_t));
  tasks[task_count++ % TASKS] = task;
  task->request = request;
  get_path(request, (uint32_t)(uintptr_t)task->areas[0]);
  if (load32(task->areas[0]) == 0) {
    return task;
  }
  uint8_t* text = (uint8_t*)(uintptr_t)load32(task->areas[0] + 4);
  const uint32_t size = load32(task->areas[0] + 8);
  uint32_t from = size;
  while (from > 0 && text[from - 1] != '/') {
    --from;
  }
  for (uint32_t at = from; at + 1 < size; at += 2) {
    text[task->length++] = (uint8_t)(digit(text[at]) << 4 | digit(text[at + 1]));
  }
  task->script = text;
  return task;
}

#if defined(CALLBACK)
__attribute__((export_name("[async-lift]wasi:http/handler@0.3.0#handle"))) uint32_t
handle(int32_t request) {
  task_t* task = begin(request);
  set_context((uint32_t)(uintptr_t)task);
  return run(task, 0);
}

__attribute__((export_name("[callback][async-lift]wasi:http/handler@0.3.0#handle"))) uint32_t
resume(uint32_t event, uint32_t handle, uint32_t payload) {
  task_t* task = (task_t*)(uintptr_t)get_context();
  uint32_t* area = (uint32_t*)(uintptr_t)task->areas[task->waits];
  area[0] = event;
  area[1] = handle;
  area[2] = payload;
  note_event(event, handle, payload);
  return run(task, task->pc);
}
#else
__attribute__((export_name("[async-lift-stackful]wasi:http/handler@0.3.0#handle"))) void handle(
    int32_t request
) {
  run(begin(request), 0);
}
#endif
