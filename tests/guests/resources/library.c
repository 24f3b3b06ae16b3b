// A core module that defines a resource: shapes, made, lent and given away by others.
#include "library.h"

#include <stdlib.h>
#include <string.h>

typedef exports_test_resources_shapes_point_t point;
typedef exports_test_resources_shapes_own_shape_t own_shape;

struct exports_test_resources_shapes_shape_t {
  library_string_t name;
  point* points;
  size_t count;
};
typedef exports_test_resources_shapes_shape_t shape;

static uint32_t shapes_alive;

own_shape exports_test_resources_shapes_constructor_shape(library_string_t* name) {
  shape* made = calloc(1, sizeof(shape));
  made->name = *name;
  ++shapes_alive;
  return exports_test_resources_shapes_shape_new(made);
}

void exports_test_resources_shapes_shape_destructor(shape* gone) {
  --shapes_alive;
  library_string_free(&gone->name);
  free(gone->points);
  free(gone);
}

static void add(shape* to, point at) {
  to->points = realloc(to->points, (to->count + 1) * sizeof(point));
  to->points[to->count++] = at;
}

void exports_test_resources_shapes_method_shape_add(shape* self, point* at) {
  add(self, *at);
}

void exports_test_resources_shapes_method_shape_points(
    shape* self, exports_test_resources_shapes_list_point_t* ret
) {
  ret->len = self->count;
  ret->ptr = malloc(self->count * sizeof(point));
  memcpy(ret->ptr, self->points, self->count * sizeof(point));
}

void exports_test_resources_shapes_method_shape_name(shape* self, library_string_t* ret) {
  library_string_dup_n(ret, (const char*)self->name.ptr, self->name.len);
}

bool exports_test_resources_shapes_static_shape_join(
    own_shape a, own_shape b, own_shape* ret, library_string_t* err
) {
  shape* first = exports_test_resources_shapes_shape_rep(a);
  shape* second = exports_test_resources_shapes_shape_rep(b);
  for (size_t i = 0; i < second->count; ++i) {
    add(first, second->points[i]);
  }
  const bool done = second->count > 0;
  if (!done) {
    exports_test_resources_shapes_method_shape_name(second, err);
    exports_test_resources_shapes_shape_drop_own(a);
  }
  exports_test_resources_shapes_shape_drop_own(b);
  *ret = a;
  return done;
}

bool exports_test_resources_shapes_largest(
    exports_test_resources_shapes_list_borrow_shape_t* all, library_string_t* ret
) {
  shape* best = NULL;
  for (size_t i = 0; i < all->len; ++i) {
    best = best == NULL || all->ptr[i]->count > best->count ? all->ptr[i] : best;
  }
  if (best != NULL) {
    exports_test_resources_shapes_method_shape_name(best, ret);
  }
  free(all->ptr);
  return best != NULL;
}

uint32_t exports_test_resources_shapes_alive(void) {
  return shapes_alive;
}
