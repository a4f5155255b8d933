// Loaded before the C library: one chosen call on a file below a folder fails once.
//
//   FAILING_CALLS_BELOW=FOLDER    only calls on files below it count
//   FAILING_CALLS_LIST=FILE       each of them becomes a line of the file: its name, and the file's path
//   FAILING_CALLS_FAIL=write:3:5  the third `write` of the process, in whichever thread, does nothing and
//                                 returns error 5; it becomes a line of FAILING_CALLS_LIST, and no other does
//
// What a file descriptor stands for is asked of /proc, so that it does not matter who opened it. `close`
// closes and then fails. Calls of the C library to itself pass by, so `opendir` and `realpath` are here whole.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *below;
static int list = -1;
static char failing[64];
static unsigned long failing_number;
static int failing_error;
static atomic_ulong passed;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAILING_CALLS_LIST"), *fail = getenv("FAILING_CALLS_FAIL");
    if (path) list = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fail && sscanf(fail, "%63[a-z0-9_]:%lu:%d", failing, &failing_number, &failing_error) != 3) abort();
    below = getenv("FAILING_CALLS_BELOW");
}

// The absolute path of what a call is about; "" where it is no file.
static void place_of(int folder, const char *path, char place[2 * PATH_MAX]) {
    long length = 0;
    if (!path || path[0] != '/') {
        char link[32];
        if (folder == AT_FDCWD) strcpy(link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = syscall(SYS_readlinkat, AT_FDCWD, link, place, PATH_MAX);
        if (length < 0) length = 0;
        if (path && path[0]) place[length++] = '/';
    }
    place[length] = 0;
    if (path) strncat(place, path, PATH_MAX - 1);
}

// Whether this call is the one to fail.
static int fails(const char *call, int folder, const char *path) {
    if (!below || (failing[0] && strcmp(call, failing))) return 0;
    int before = errno;
    char place[2 * PATH_MAX];
    place_of(folder, path, place);
    size_t length = strlen(below);
    int counts = !strncmp(place, below, length) && place[length] == '/';
    int chosen = counts && failing[0] && atomic_fetch_add(&passed, 1) + 1 == failing_number;
    if (counts && list >= 0 && (chosen || !failing[0])) {
        char line[2 * PATH_MAX + 80];
        int written = snprintf(line, sizeof line, "%s %s\n", call, place + length + 1);
        syscall(SYS_write, list, line, written);
    }
    errno = chosen ? failing_error : before;
    return chosen;
}

#define REAL(call) \
    static typeof(call) *real; \
    if (!real) real = (typeof(call) *)dlsym(RTLD_NEXT, #call)

#define WRAP(result, failed, call, declared, passed_on, folder, path) \
    result call declared { \
        REAL(call); \
        return fails(#call, folder, path) ? failed : real passed_on; \
    }

#define BY_FILE(result, call, declared, passed_on) WRAP(result, -1, call, declared, passed_on, file, NULL)
#define BY_PATH(result, call, declared, passed_on) WRAP(result, -1, call, declared, passed_on, AT_FDCWD, path)
#define AT_PATH(result, call, declared, passed_on) WRAP(result, -1, call, declared, passed_on, folder, path)

// The third argument is there only where a file may be made.
#define OPEN(call, declared, folder, ...) \
    int call declared { \
        REAL(call); \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        return fails(#call, folder, path) ? -1 : real(__VA_ARGS__, flags, mode); \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD, path)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, path)
OPEN(openat, (int folder, const char *path, int flags, ...), folder, folder, path)
OPEN(openat64, (int folder, const char *path, int flags, ...), folder, folder, path)

BY_FILE(ssize_t, read, (int file, void *to, size_t size), (file, to, size))
BY_FILE(ssize_t, pread, (int file, void *to, size_t size, off_t at), (file, to, size, at))
BY_FILE(ssize_t, pread64, (int file, void *to, size_t size, off64_t at), (file, to, size, at))
BY_FILE(ssize_t, readv, (int file, const struct iovec *parts, int count), (file, parts, count))
BY_FILE(ssize_t, write, (int file, const void *from, size_t size), (file, from, size))
BY_FILE(ssize_t, pwrite, (int file, const void *from, size_t size, off_t at), (file, from, size, at))
BY_FILE(ssize_t, pwrite64, (int file, const void *from, size_t size, off64_t at), (file, from, size, at))
BY_FILE(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count))
BY_FILE(int, fsync, (int file), (file))
BY_FILE(int, fdatasync, (int file), (file))
BY_FILE(int, ftruncate, (int file, off_t size), (file, size))
BY_FILE(int, ftruncate64, (int file, off64_t size), (file, size))
BY_FILE(int, fchmod, (int file, mode_t mode), (file, mode))
BY_FILE(int, flock, (int file, int how), (file, how))
BY_FILE(int, fstat, (int file, struct stat *found), (file, found))
BY_FILE(int, fstat64, (int file, struct stat64 *found), (file, found))
BY_FILE(ssize_t, copy_file_range,
        (int from, off64_t *from_at, int file, off64_t *at, size_t size, unsigned flags),
        (from, from_at, file, at, size, flags))
BY_FILE(ssize_t, sendfile, (int file, int from, off_t *at, size_t size), (file, from, at, size))
BY_FILE(ssize_t, sendfile64, (int file, int from, off64_t *at, size_t size), (file, from, at, size))

BY_PATH(int, stat, (const char *path, struct stat *found), (path, found))
BY_PATH(int, stat64, (const char *path, struct stat64 *found), (path, found))
BY_PATH(int, lstat, (const char *path, struct stat *found), (path, found))
BY_PATH(int, lstat64, (const char *path, struct stat64 *found), (path, found))
BY_PATH(int, access, (const char *path, int how), (path, how))
BY_PATH(ssize_t, readlink, (const char *path, char *to, size_t size), (path, to, size))
BY_PATH(int, chmod, (const char *path, mode_t mode), (path, mode))
BY_PATH(int, mkdir, (const char *path, mode_t mode), (path, mode))
BY_PATH(int, rmdir, (const char *path), (path))
BY_PATH(int, unlink, (const char *path), (path))
BY_PATH(int, rename, (const char *from, const char *path), (from, path))
BY_PATH(int, link, (const char *from, const char *path), (from, path))
BY_PATH(int, symlink, (const char *target, const char *path), (target, path))

AT_PATH(int, fstatat, (int folder, const char *path, struct stat *found, int flags),
        (folder, path, found, flags))
AT_PATH(int, fstatat64, (int folder, const char *path, struct stat64 *found, int flags),
        (folder, path, found, flags))
AT_PATH(int, statx, (int folder, const char *path, int flags, unsigned mask, struct statx *found),
        (folder, path, flags, mask, found))
AT_PATH(int, faccessat, (int folder, const char *path, int how, int flags), (folder, path, how, flags))
AT_PATH(int, fchmodat, (int folder, const char *path, mode_t mode, int flags), (folder, path, mode, flags))
AT_PATH(int, mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode))
AT_PATH(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags))
AT_PATH(int, renameat, (int from_folder, const char *from, int folder, const char *path),
        (from_folder, from, folder, path))
AT_PATH(int, renameat2, (int from_folder, const char *from, int folder, const char *path, unsigned flags),
        (from_folder, from, folder, path, flags))
AT_PATH(int, linkat, (int from_folder, const char *from, int folder, const char *path, int flags),
        (from_folder, from, folder, path, flags))
AT_PATH(int, symlinkat, (const char *target, int folder, const char *path), (target, folder, path))

WRAP(DIR *, NULL, opendir, (const char *path), (path), AT_FDCWD, path)
WRAP(DIR *, NULL, fdopendir, (int file), (file), file, NULL)
WRAP(struct dirent *, NULL, readdir, (DIR *folder), (folder), dirfd(folder), NULL)
WRAP(struct dirent64 *, NULL, readdir64, (DIR *folder), (folder), dirfd(folder), NULL)
WRAP(char *, NULL, realpath, (const char *path, char *to), (path, to), AT_FDCWD, path)

int close(int file) {
    REAL(close);
    int failed = fails("close", file, NULL), error = errno;
    int closed = real(file);
    if (!failed) return closed;
    errno = error;
    return -1;
}
