// A library to preload (LD_PRELOAD) into the program under test: it writes down what the program
// does to the files below one folder, or makes it fail. tests/support/disk.py builds it, reads what
// it wrote and makes the disks from it that a loss of power may leave.
//
//   WHORL_DISK_ROOT     the folder, absolute
//   WHORL_DISK_LOG      a file that records are appended to; without it nothing is recorded
//   WHORL_DISK_TROUBLE  a file of one byte, mapped and looked at before each call: which trouble
//   there is
//
// One lock makes an operation and its record one step, so that the order of the records is the
// order in which things happened. A sync has two records: what was written before the first is safe
// after the second.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kMaxFiles = 65536, kMaxPath = 1024 };

enum Record {
  kCreate = 1,  // data: path
  kWrite,       // offset; data: bytes
  kTruncate,    // offset: the new size
  kSyncBegin,   // offset: a number of its own
  kSyncEnd,
  kRename,  // data: path, 0, path
  kUnlink,  // data: path
  kMakeFolder,
  kFolderSyncBegin,  // data: path; offset: a number of its own
  kFolderSyncEnd,
};

enum Trouble {
  kNone,
  kFull,        // writes and new files: ENOSPC
  kShort,       // half of a write is done and said so, the next fails: ENOSPC
  kBroken,      // writes: EIO
  kSyncBroken,  // syncs: EIO
  kStutter,     // each write does half of what it is asked for, and says so
};

struct Header {
  uint32_t record;
  uint32_t size;
  uint64_t inode;
  uint64_t offset;
};

static char root[kMaxPath];
static size_t root_size;
static int log_fd = -1;
static const volatile uint8_t* trouble;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t next_sync;
static uint64_t inodes[kMaxFiles];    // of open files below the root; 0: none
static uint8_t is_folder[kMaxFiles];  // of those
static uint8_t half_done[kMaxFiles];  // by kShort

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
// One symbol of the C library, looked up once.
#define NEXT(name)                      \
  static __typeof__(&name) real_##name; \
  if (real_##name == NULL) {            \
    real_##name = REAL(name);           \
  }

__attribute__((constructor)) static void begin(void) {
  const char* folder = getenv("WHORL_DISK_ROOT");
  if (folder == NULL || strlen(folder) + 2 > sizeof root) {
    return;
  }
  strcpy(root, folder);
  root_size = strlen(root);
  NEXT(open);
  const char* log = getenv("WHORL_DISK_LOG");
  if (log != NULL) {
    log_fd = real_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  }
  const char* control = getenv("WHORL_DISK_TROUBLE");
  int control_fd = control != NULL ? real_open(control, O_RDONLY | O_CLOEXEC) : -1;
  if (control_fd >= 0) {
    void* mapped = mmap(NULL, 1, PROT_READ, MAP_SHARED, control_fd, 0);
    trouble = mapped == MAP_FAILED ? NULL : mapped;
  }
}

static int is_below(const char* path) {
  return root_size > 0 && strncmp(path, root, root_size) == 0 &&
         (path[root_size] == '/' || path[root_size] == '\0');
}

// The C library closes some files without telling; their numbers then belong to something else.
static int is_ours(int fd) {
  struct stat status;
  if (fd < 0 || fd >= kMaxFiles || inodes[fd] == 0) {
    return 0;
  }
  if (fstat(fd, &status) != 0 || status.st_ino != inodes[fd]) {
    inodes[fd] = 0;
  }
  return inodes[fd] != 0;
}

static enum Trouble now(void) {
  return trouble != NULL ? (enum Trouble) * trouble : kNone;
}

static void note(
    enum Record record, uint64_t inode, uint64_t offset, const void* data, size_t size
) {
  if (log_fd < 0) {
    return;
  }
  NEXT(writev);
  struct Header header = {record, (uint32_t)size, inode, offset};
  struct iovec parts[2] = {{&header, sizeof header}, {(void*)data, size}};
  if (real_writev(log_fd, parts, 2) != (ssize_t)(sizeof header + size)) {
    abort();
  }
}

// The absolute path of a name in a folder. Whether it lies below the root.
static int resolve(int folder, const char* name, char* path) {
  char base[kMaxPath] = "";
  if (name[0] != '/') {
    if (folder == AT_FDCWD) {
      if (getcwd(base, sizeof base) == NULL) {
        return 0;
      }
    } else {
      char link[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
      ssize_t size = readlink(link, base, sizeof base - 1);
      if (size < 0) {
        return 0;
      }
      base[size] = '\0';
    }
  }
  while (name[0] == '.' && name[1] == '/') {
    name += 2;
  }
  int size = snprintf(path, kMaxPath, "%s%s%s", base, base[0] != '\0' ? "/" : "", name);
  return size > 0 && size < kMaxPath && is_below(path);
}

static int open_here(int folder, const char* name, int flags, mode_t mode) {
  NEXT(openat);
  char path[kMaxPath];
  if (root_size == 0 || !resolve(folder, name, path)) {
    int fd = real_openat(folder, name, flags, mode);
    if (fd >= 0 && fd < kMaxFiles) {
      inodes[fd] = 0;
    }
    return fd;
  }
  pthread_mutex_lock(&lock);
  int is_new = (flags & O_CREAT) != 0 && faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
  enum Trouble what = now();
  int fd = -1;
  if (is_new && (what == kFull || what == kShort)) {
    errno = ENOSPC;
  } else if (is_new && what == kBroken) {
    errno = EIO;
  } else {
    fd = real_openat(folder, name, flags, mode);
  }
  struct stat status;
  if (fd >= 0 && fd < kMaxFiles && fstat(fd, &status) == 0) {
    int kept = errno;
    inodes[fd] = status.st_ino;
    is_folder[fd] = S_ISDIR(status.st_mode);
    half_done[fd] = 0;
    if (is_new) {
      note(kCreate, status.st_ino, 0, path, strlen(path));
    } else if ((flags & O_TRUNC) != 0) {
      note(kTruncate, status.st_ino, 0, NULL, 0);
    }
    errno = kept;
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

static mode_t mode_of(int flags, va_list more) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
}

#define OPEN(name, folder_parameter, folder)                    \
  int name(folder_parameter const char* path, int flags, ...) { \
    va_list more;                                               \
    va_start(more, flags);                                      \
    mode_t mode = mode_of(flags, more);                         \
    va_end(more);                                               \
    return open_here(folder, path, flags, mode);                \
  }
#define COMMA ,
OPEN(open, , AT_FDCWD)
OPEN(open64, , AT_FDCWD)
OPEN(openat, int folder COMMA, folder)
OPEN(openat64, int folder COMMA, folder)

int __open_2(const char* path, int flags) {
  return open_here(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char* path, int flags) {
  return open_here(AT_FDCWD, path, flags, 0);
}
int __openat_2(int folder, const char* path, int flags) {
  return open_here(folder, path, flags, 0);
}
int __openat64_2(int folder, const char* path, int flags) {
  return open_here(folder, path, flags, 0);
}

static int make_temporary(char* pattern, int flags) {
  size_t size = strlen(pattern);
  static uint32_t number;
  for (int tries = 0; size >= 6 && tries < 1000; ++tries) {
    char suffix[8];
    uint32_t mine = __atomic_fetch_add(&number, 1, __ATOMIC_RELAXED) + (uint32_t)getpid() * 7919u;
    snprintf(suffix, sizeof suffix, "%06u", mine % 1000000u);
    memcpy(pattern + size - 6, suffix, 6);
    int fd = open_here(AT_FDCWD, pattern, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
    if (fd >= 0 || errno != EEXIST) {
      return fd;
    }
  }
  errno = EEXIST;
  return -1;
}
int mkostemp(char* pattern, int flags) {
  return make_temporary(pattern, flags);
}
int mkostemp64(char* pattern, int flags) {
  return make_temporary(pattern, flags);
}

int close(int fd) {
  NEXT(close);
  if (is_ours(fd)) {
    inodes[fd] = 0;
  }
  return real_close(fd);
}

// How much of a write is let through; negative: it fails with errno.
static ssize_t allowed(int fd, size_t size) {
  switch (now()) {
    case kFull:
      errno = ENOSPC;
      return -1;
    case kShort:
      half_done[fd] ^= 1;
      if (half_done[fd] == 0 || size < 2) {
        errno = ENOSPC;
        return -1;
      }
      return (ssize_t)(size / 2);
    case kBroken:
      errno = EIO;
      return -1;
    case kStutter:
      return (ssize_t)(size > 1 ? size / 2 : size);
    default:
      return (ssize_t)size;
  }
}

ssize_t write(int fd, const void* data, size_t size) {
  NEXT(write);
  if (!is_ours(fd)) {
    return real_write(fd, data, size);
  }
  pthread_mutex_lock(&lock);
  ssize_t done = allowed(fd, size);
  if (done >= 0) {
    int is_appending = (fcntl(fd, F_GETFL) & O_APPEND) != 0;
    off_t at = lseek(fd, 0, is_appending ? SEEK_END : SEEK_CUR);
    done = real_write(fd, data, (size_t)done);
    if (done > 0) {
      note(kWrite, inodes[fd], (uint64_t)at, data, (size_t)done);
    }
  }
  pthread_mutex_unlock(&lock);
  return done;
}

static ssize_t write_at(int fd, const void* data, size_t size, off_t at) {
  NEXT(pwrite);
  if (!is_ours(fd)) {
    return real_pwrite(fd, data, size, at);
  }
  pthread_mutex_lock(&lock);
  ssize_t done = allowed(fd, size);
  if (done >= 0) {
    done = real_pwrite(fd, data, (size_t)done, at);
    if (done > 0) {
      note(kWrite, inodes[fd], (uint64_t)at, data, (size_t)done);
    }
  }
  pthread_mutex_unlock(&lock);
  return done;
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  return write_at(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  return write_at(fd, data, size, at);
}

static int truncate_here(int fd, off_t size) {
  NEXT(ftruncate);
  if (!is_ours(fd)) {
    return real_ftruncate(fd, size);
  }
  pthread_mutex_lock(&lock);
  int code = real_ftruncate(fd, size);
  if (code == 0) {
    note(kTruncate, inodes[fd], (uint64_t)size, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  return code;
}
int ftruncate(int fd, off_t size) {
  return truncate_here(fd, size);
}
int ftruncate64(int fd, off64_t size) {
  return truncate_here(fd, size);
}

static int sync_here(int fd, int (*real)(int)) {
  if (!is_ours(fd)) {
    return real(fd);
  }
  if (now() == kSyncBroken || now() == kBroken) {
    errno = EIO;
    return -1;
  }
  char path[kMaxPath] = "";
  if (is_folder[fd]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size > 0 ? size : 0] = '\0';
  }
  uint64_t inode = inodes[fd];
  pthread_mutex_lock(&lock);
  uint64_t number = ++next_sync + ((uint64_t)getpid() << 32);
  note(is_folder[fd] ? kFolderSyncBegin : kSyncBegin, inode, number, path, strlen(path));
  pthread_mutex_unlock(&lock);
  int code = real(fd);
  if (code == 0) {
    pthread_mutex_lock(&lock);
    note(is_folder[fd] ? kFolderSyncEnd : kSyncEnd, inode, number, path, strlen(path));
    pthread_mutex_unlock(&lock);
  }
  return code;
}
int fsync(int fd) {
  NEXT(fsync);
  return sync_here(fd, real_fsync);
}
int fdatasync(int fd) {
  NEXT(fdatasync);
  return sync_here(fd, real_fdatasync);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  NEXT(renameat);
  char paths[2 * kMaxPath];
  char target[kMaxPath];
  if (root_size == 0 || !resolve(from_folder, from, paths) || !resolve(to_folder, to, target)) {
    return real_renameat(from_folder, from, to_folder, to);
  }
  size_t size = strlen(paths) + 1;
  memcpy(paths + size, target, strlen(target));
  pthread_mutex_lock(&lock);
  int code = real_renameat(from_folder, from, to_folder, to);
  if (code == 0) {
    note(kRename, 0, 0, paths, size + strlen(target));
  }
  pthread_mutex_unlock(&lock);
  return code;
}
int rename(const char* from, const char* to) {
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int folder, const char* name, int flags) {
  NEXT(unlinkat);
  char path[kMaxPath];
  if (root_size == 0 || !resolve(folder, name, path)) {
    return real_unlinkat(folder, name, flags);
  }
  pthread_mutex_lock(&lock);
  int code = real_unlinkat(folder, name, flags);
  if (code == 0 && (flags & AT_REMOVEDIR) == 0) {
    note(kUnlink, 0, 0, path, strlen(path));
  }
  pthread_mutex_unlock(&lock);
  return code;
}
int unlink(const char* path) {
  return unlinkat(AT_FDCWD, path, 0);
}

int mkdir(const char* name, mode_t mode) {
  NEXT(mkdir);
  char path[kMaxPath];
  if (root_size == 0 || !resolve(AT_FDCWD, name, path)) {
    return real_mkdir(name, mode);
  }
  pthread_mutex_lock(&lock);
  int code = real_mkdir(name, mode);
  if (code == 0) {
    note(kMakeFolder, 0, 0, path, strlen(path));
  }
  pthread_mutex_unlock(&lock);
  return code;
}
